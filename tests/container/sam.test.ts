// The template: linted, built and invoked with the SAM CLI.
import { beforeAll, describe, expect, it } from 'vitest';
import { readEvent } from '../events.ts';
import { installSam, tool } from './sam.ts';

const template = 'infra/template.yaml';

beforeAll(installSam);

describe('the template', () => {
  it('passes sam validate --lint', async () => {
    const { stdout } = await tool('sam', 'validate', '--lint', '--template', template);

    expect(stdout).toContain('is a valid SAM Template');
  });

  it('passes cfn-lint without a warning', async () => {
    expect((await tool('cfn-lint', template)).stdout).toBe('');
  });
});

describe('the built function', () => {
  beforeAll(async () => {
    await tool('sam', 'build', '--template', template);
  });

  /** Invokes the function and returns its answer. */
  async function invoke(event: string): Promise<unknown> {
    const { stdout } = await tool(
      'sam',
      'local',
      'invoke',
      '--skip-pull-image',
      '--event',
      `events/${event}.json`,
    );
    return JSON.parse(stdout);
  }

  it('answers sam local invoke with a direct event', async () => {
    expect(await invoke('completion')).toMatchObject({
      object: 'text_completion',
      choices: [{ text: expect.stringMatching(/^ Paris/) }],
      usage: { completion_tokens: (readEvent('completion') as { max_tokens: number }).max_tokens },
    });
  });

  it('answers sam local invoke with an HTTP event', async () => {
    expect(await invoke('api-gateway-v1')).toMatchObject({
      statusCode: 200,
      body: expect.stringContaining('Paris'),
    });
  });

  it('answers sam local invoke with a function error for a wrong request', async () => {
    expect(await invoke('invalid/unknown-field')).toMatchObject({
      errorType: 'unknown_parameter',
      errorMessage: "'max_token' is not a known parameter.",
    });
  });
});
