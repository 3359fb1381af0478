// The default theme. An error in a page ends the build: Vue would only print it, and leave the page cut off.

import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme';

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.config.throwUnhandledErrorInProduction = true;
  },
} satisfies Theme;
