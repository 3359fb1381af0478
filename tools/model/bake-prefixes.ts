// Evaluates the beginnings of prompts in a folder and writes snapshots of them, for environments to begin from.
import { readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { applyTemplate } from '../../src/api/chat/chat-prompt.ts';
import type { ModelService } from '../../src/api/service.ts';
import type { Environment } from '../../src/config/environment.ts';
import { commonBeginning, type KnownPrefix } from '../../src/engine/prompt/known-prefixes.ts';
import { toRequestError } from '../../src/errors/request-error.ts';
import { readModelFolder } from '../../src/model/model-folder.ts';
import { loadModel } from '../../src/startup/load-model.ts';
import { loadService } from '../../src/startup/load-service.ts';
import { listPrefixFiles, PrefixError } from './prefix-files.ts';
import { findDate } from './template-dates.ts';

export interface BakeOptions {
  /** The folder of the model and its manifest. */
  readonly model: string;
  /** The folder with `*.txt` and `*.json`. */
  readonly from: string;
  /** The folder to write the snapshots into. */
  readonly to: string;
}

/** How a text may go on; what follows can change a text's last tokens, and those are left out. */
const continuations = ['\n', ' a', 'a', '1', '.'];

/**
 * The model stays loaded, as one process has one.
 *
 * @returns the name and number of tokens of each prefix
 * @throws {PrefixError} when a file is malformed, or too long for the context
 */
export async function bakePrefixes(
  { model, from, to }: BakeOptions,
  env: Environment,
): Promise<readonly KnownPrefix[]> {
  const settings = { ...env, MODEL_DIR: model, PREFIX_DIR: '', SLOTS: '1' };
  const { engine } = await loadModel(settings);
  const service = await loadService(settings);
  const prefixes: KnownPrefix[] = [];
  for (const file of listPrefixFiles(from)) {
    const texts =
      extname(file) === '.txt'
        ? toTexts(readFileSync(join(from, file), 'utf8'))
        : await toChats(file, readFileSync(join(from, file), 'utf8'), service);
    const tokens = commonBeginning(texts.map((text) => engine.tokenize(text)));
    const fits = tokens.length > 0 && tokens.length < engine.contextSize;
    if (!fits) {
      throw new PrefixError(
        `${file} has ${tokens.length} tokens; with CONTEXT_SIZE=${engine.contextSize} it may have 1 to ${engine.contextSize - 1}.`,
      );
    }
    prefixes.push({ name: basename(file), tokens });
  }
  await engine.bakePrefixes(prefixes, { directory: to, model: readModelFolder(model).sha256 });
  return prefixes;
}

function toTexts(text: string): string[] {
  // An editor ends a file with a line break that nobody means.
  const meant = text.replace(/\r?\n$/, '');
  return continuations.map((continuation) => meant + continuation);
}

/** The prompts of chats that go on after the messages with one of the user's. */
async function toChats(file: string, content: string, service: ModelService): Promise<string[]> {
  try {
    const { messages, ...rest } = JSON.parse(content) as { messages: unknown };
    const prompts = await Promise.all(
      ['a', '1'].map(async (next) => {
        // Messages that are no list are refused by name, as in a request.
        const all = Array.isArray(messages) ? [...messages, { role: 'user', content: next }] : messages;
        return (await applyTemplate({ ...rest, messages: all }, service)).prompt;
      }),
    );
    const date = findDate(prompts[0] ?? '', content);
    if (date !== undefined)
      throw new PrefixError(
        `${file}: the model's chat template writes today's date, "${date}", so tomorrow no chat begins like this. ` +
          'Give the file and the requests the same date, as in "chat_template_kwargs": {"date_string": "26 Jul 2024"}, if the template reads it.',
      );
    return prompts;
  } catch (error) {
    if (error instanceof PrefixError) throw error;
    const reason = error instanceof SyntaxError ? error.message : toRequestError(error).message;
    throw new PrefixError(`${file} is not the beginning of a chat: ${reason}`, { cause: error });
  }
}
