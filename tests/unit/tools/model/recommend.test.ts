import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeRecommendations, parseMemory, recommend } from '../../../../tools/model/recommend.ts';
import { readCatalog } from '../../../../tools/store/catalog.ts';
import { readStoreLocation } from '../../../../tools/store/location.ts';

const catalog = readCatalog(readStoreLocation({}).catalog);
const gigabyte = 1024 ** 3;

const namesFor = (bytes: number, task: 'chat' | 'code' | 'tools' | 'embed') =>
  recommend(catalog, '/nonexistent', { bytes, task }).map(({ model }) => model.name);

describe('recommend', () => {
  it('lists what fits, the largest first, and a model with room for few tokens last', () => {
    const names = namesFor(4 * gigabyte, 'chat');

    expect(names[0]).toBe('qwen3-4b-q4_k_m');
    expect(names.at(-1)).toBe('llama-2-7b-chat-q3_k_s');
    expect(namesFor(gigabyte / 2, 'chat')).toEqual(['smollm2-135m-instruct-q4_1']);
  });

  it.each(['chat', 'code', 'tools', 'embed'] as const)('knows a model for %s', (task) => {
    expect(namesFor(8 * gigabyte, task)).not.toEqual([]);
  });

  it('adds up the memory as a start does', () => {
    const [found] = recommend(catalog, '/nonexistent', { bytes: gigabyte, task: 'chat' });

    // Weights as in the file, and 8,192 tokens of 30 layers with 192 keys and values of two bytes.
    const weightsAndContext = 98_362_432 + 8192 * 30 * 2 * 192 * 2;
    expect(found).toMatchObject({ contextSize: 8192 });
    expect(found?.memoryBytes).toBeGreaterThan(weightsAndContext);
    expect(found?.memoryBytes).toBeLessThan(weightsAndContext + 160 * 1024 ** 2);
  });

  it('expects the speed and the cost that were measured with a billion parameters and one virtual CPU', () => {
    const found = recommend(catalog, '/nonexistent', { bytes: 1769 * 1024 ** 2, task: 'chat' }).find(
      ({ model }) => model.name === 'llama-3.2-1b-instruct-q4_k_m',
    );
    const larger = 808 / 695;

    expect(found?.tokensPerSecond).toBeCloseTo(9.22 / larger, 1);
    expect(found?.dollars).toBeCloseTo(3.12 * larger, 1);
  });

  it('is what docs/models.md says', () => {
    const page = readFileSync(new URL('../../../../docs/models.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| (\d+) GB \| `(\S+)` \| ([\d.]+) \| ([\d.]+) \|$/gm)];
    const found = rows.map(([, gigabytes]) => {
      const [first] = recommend(catalog, '/nonexistent', {
        bytes: Number(gigabytes) * gigabyte,
        task: 'chat',
      });
      const speed = first?.tokensPerSecond ?? 0;
      return [first?.model.name, speed.toFixed(speed < 10 ? 1 : 0), first?.dollars.toFixed(2)];
    });

    expect(rows.map(([, , ...shown]) => shown)).toEqual(found);
    expect(rows.map(([, gigabytes]) => gigabytes)).toEqual(['1', '2', '4', '8', '10']);
  });

  it('says how to use the first one, or that none fits', () => {
    const asked = { bytes: 4 * gigabyte, task: 'chat' } as const;

    expect(describeRecommendations(recommend(catalog, '/nonexistent', asked), asked)).toContain(
      'npm run model -- fetch qwen3-4b-q4_k_m && npm run model -- use qwen3-4b-q4_k_m',
    );
    expect(describeRecommendations([], { bytes: 64 * 1024 ** 2, task: 'embed' })).toBe(
      'No model of the catalog for embed fits 64 MB. Try more memory with --memory.',
    );
  });
});

describe('parseMemory', () => {
  it.each([
    ['4GB', 4 * gigabyte],
    ['1769 MB', 1769 * 1024 ** 2],
    ['512', 512 * 1024 ** 2],
    ['2.5GiB', 2.5 * gigabyte],
    ['0', undefined],
    ['four', undefined],
  ])('reads %j', (text, bytes) => {
    expect(parseMemory(text)).toBe(bytes);
  });
});
