// How a question is asked, and how its answers are written.
import type { Question } from './decisions-request.ts';

/** The text of a question, and those of its answers in the order of its choices or levels. */
export interface AskedQuestion {
  readonly text: string;
  readonly answers: readonly string[];
}

/** What all questions of a kind have in common comes first, where it is evaluated once. */
export function askQuestion(question: Question, instructions: string): AskedQuestion {
  const asked = instructions.trim();
  switch (question.type) {
    case 'predicate':
      return { text: `Is this true of the above? Answer Yes or No.\n${asked}`, answers: ['Yes', 'No'] };
    case 'choice': {
      const answers = nameChoices(question.choices.map(({ value }) => value));
      const descriptions = question.choices.map(({ description }) => description);
      const text = `Answer with one of the choices below.\n${asked}\n${toList(answers, descriptions)}`;
      return { text, answers };
    }
    case 'score': {
      const answers = question.levels.map(({ label }) => label.trim());
      const descriptions = question.levels.map(({ description }) => description);
      const text =
        'Answer with one of the levels below, which go from the lowest to the highest.\n' +
        `${asked}\n${toList(answers, descriptions)}`;
      return { text, answers };
    }
    default:
      return question satisfies never;
  }
}

function toList(names: readonly string[], descriptions: readonly (string | undefined)[]): string {
  return names
    .map((name, index) => {
      const description = descriptions[index]?.trim();
      return description ? `- ${name}: ${description}` : `- ${name}`;
    })
    .join('\n');
}

/** A text that a boolean is written like too gets quotation marks. */
function nameChoices(values: readonly (string | boolean)[]): string[] {
  const booleans = new Set(values.filter((value) => typeof value === 'boolean').map(String));
  return values.map((value) => {
    const name = String(value).trim();
    return typeof value === 'string' && booleans.has(name) ? JSON.stringify(name) : name;
  });
}

/** The ways to write an answer. */
export interface Writings {
  readonly usual: readonly string[];
  /** They count only where a single token is one: several tokens would cost more than such an answer is likely. */
  readonly rare: readonly string[];
}

/** The ways to write each answer. Another case is one unless another answer differs only in that. */
export function toWritings(answers: readonly string[]): Writings[] {
  const lowerCased = answers.map((answer) => answer.toLowerCase());
  return answers.map((answer, index) => {
    const lower = answer.toLowerCase();
    const isDistinct = lowerCased.every((other, place) => place === index || other !== lower);
    const capitalized = answer.charAt(0).toUpperCase() + answer.slice(1);
    const usual = isDistinct ? [answer, capitalized] : [answer];
    const cases = isDistinct ? [...usual, lower, answer.toUpperCase()] : usual;
    return { usual, rare: [...cases, ...cases.map((each) => ` ${each}`)] };
  });
}
