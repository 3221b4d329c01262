/**
 * Node's own fetch comes along with `node:http`, for three names that nobody here asks for, as soon as
 * a module imports anything of it: 5 MB. To be imported before such a module. Whoever calls `fetch` has
 * it all the same.
 */
const http = process.getBuiltinModule('node:http');
for (const name of ['CloseEvent', 'MessageEvent', 'WebSocket']) Reflect.deleteProperty(http, name);
