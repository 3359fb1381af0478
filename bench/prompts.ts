// Prompts that differ in each round, so that no server has them in its cache. The model continues them for hundreds of
// tokens.

const openings = [
  'the lighthouse keeper climbed the stairs before dawn, lit the lamp, and looked out over',
  'the baker of the village opened his shop earlier than usual, because the whole street was',
  'two sisters found a wooden box under the floor of their old house, and in it there was',
  'the train left the station in heavy snow, and the passengers in the last carriage began to',
  'a young engineer was asked to repair the great clock of the town hall, which had stopped',
  'the gardener planted an apple tree behind the school, and every child who passed it would',
  'on the first day of the harvest the farmer walked along the river and counted the boats that',
  'the captain unrolled the map on the table, pointed at the island in the middle, and told the',
] as const;

/** Words that are one token each in common vocabularies, including the space before them. */
const words =
  'time year people way day man thing woman life child world school state family student group country problem hand part place case week company system program question work government number night point home water room mother area money story fact month lot right study book eye job word business issue side kind head house service friend father power hour game line end member law car city name president team minute idea body information back parent face others level office door health person art war history party result change morning reason research girl guy moment air teacher force education'.split(
    ' ',
  );

/** Returns eight beginnings of stories of about 30 tokens each. */
export function storyPrompts(round: number): string[] {
  return openings.map((opening) => `Chapter ${round + 2}. In the year ${1801 + round}, ${opening}`);
}

/** Returns the first of the `storyPrompts`. */
export function storyPrompt(round: number): string {
  return storyPrompts(round)[0] ?? '';
}

/** Returns a text with this number of tokens, or a few more when the vocabulary splits words. */
export function textOfTokens(tokens: number, round: number): string {
  // 7,919 is prime, so every round starts at another word and uses another order.
  const step = 1 + (((round + 1) * 7_919) % (words.length - 1));
  return Array.from(
    { length: tokens },
    (_, index) => words[((index + 1) * step + round + 1) % words.length],
  ).join(' ');
}
