// An answer's Markdown as HTML. A model's text is a stranger's: it is sanitized, and loads nothing.
import DOMPurify from 'dompurify';
import { Marked } from 'marked';
import { useMemo } from 'preact/hooks';

DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName === 'A') {
    node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer');
  }
  // A keyboard can scroll only what it can focus.
  if (node.tagName === 'PRE') node.setAttribute('tabindex', '0');
});

// HTML that a model writes is shown as text: who asks for some wants to read it.
const markdown = new Marked({
  gfm: true,
  breaks: true,
  renderer: { html: ({ text }) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;') },
});

const forbidden = {
  FORBID_TAGS: ['style', 'img', 'svg', 'math', 'form', 'input', 'button', 'video', 'audio', 'picture'],
  FORBID_ATTR: ['style', 'id', 'class'],
};

export function Markdown({ text }: { readonly text: string }) {
  const html = useMemo(() => DOMPurify.sanitize(markdown.parse(text, { async: false }), forbidden), [text]);
  return <div class="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}
