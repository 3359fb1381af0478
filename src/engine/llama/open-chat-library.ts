// Opens native/chat, which is llama.cpp's own chat code. The first chat does it: completions do without.
import { join } from 'node:path';
import type { ChatLibrary } from '../chat-library.ts';
import { openModule, prebuiltFolder } from './llama-addon.ts';

let opened: ChatLibrary | undefined;

/** @throws {Error} when it is missing, or this machine cannot run it */
export function openChatLibrary(): ChatLibrary {
  opened ??= openModule<ChatLibrary>(join(prebuiltFolder(), 'chat.node'));
  return opened;
}
