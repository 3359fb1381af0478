// Small requests whose work would grow exponentially.
import { bombs } from '../../bombs.ts';
import type { Attack } from '../target.ts';

export const sendBombs: Attack = {
  name: 'bombs',
  run: async (target) => {
    for (const each of bombs) {
      target.count('bombs');
      const answer = await target.ask(each);
      if (answer !== undefined && !each.statuses.some((status) => status === answer.status))
        target.fault(`${answer.status} to the bomb '${each.name}'`);
    }
  },
};
