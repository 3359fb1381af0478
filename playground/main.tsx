// The playground: a page to try the server by hand. esbuild.config.ts makes one HTML file of it.
import { render } from 'preact';
import { App } from './app.tsx';

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
