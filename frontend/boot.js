// Starts the app. The page's two preload links name the hashed files, so that no inline script is needed.
const named = (rel) => document.querySelector(`link[rel="${rel}"]`).href;

const { default: start } = await import(named("modulepreload"));
await start({ module_or_path: named("preload") });
