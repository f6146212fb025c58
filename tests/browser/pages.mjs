// The pages that are tested. A page that is added here is photographed, walked and audited as all others are.

const digests = JSON.parse(process.env.GALLERY_DIGESTS);

/**
 * @typedef {object} Page
 * @property {string} name of its pictures
 * @property {string} path
 * @property {number} [status] 200 unless given
 * @property {RegExp[]} text that a text browser shows
 * @property {boolean} [audited] by Lighthouse: one page of each kind that search engines may list
 * @property {boolean} [heavy] a full list, which may have 60,000 bytes before compression instead of 40,000
 */

/** @type {Page[]} */
export const PAGES = [
  { name: 'home', path: '/', audited: true, text: [/docker\/library\/nginx/, /Official build of Nginx/] },
  { name: 'search', path: '/search?q=nginx', text: [/docker\/library\/nginx/] },
  { name: 'search-filtered', path: '/search?q=library&verified=1&kind=image&sort=name', text: [/docker\/library\/alpine/] },
  { name: 'search-nothing', path: '/search?q=zzzzqq', text: [/zzzzqq/] },
  { name: 'publisher', path: '/harbour', audited: true, text: [/The Harbour Project/, /charts\/anchor/] },
  { name: 'repository', path: '/docker/library/nginx', audited: true, text: [/docker pull \S+\/docker\/library\/nginx:latest/, /reverse proxy server/, /Signature|Signed|signed/] },
  { name: 'usage', path: '/docker/library/nginx/-/usage', text: [/static content/] },
  { name: 'repository-readme', path: '/harbour/tide', text: [/Tide tables/, /wkg oci pull/] },
  { name: 'repository-empty', path: '/harbour/empty', text: [/docker push/] },
  { name: 'repository-deprecated', path: '/harbour/old', text: [/deprecated/i, /harbour\/tide/] },
  { name: 'repository-hostile', path: '/x9y8z7w6/hostile', text: [/<script>alert\(1\)<\/script>/] },
  { name: 'tags', path: '/docker/library/nginx/-/tags', audited: true, text: [/1\.27\.3-alpine/] },
  { name: 'tags-many', path: '/harbour/many/-/tags?sort=version', heavy: true, text: [/0\.129\.0/] },
  { name: 'tags-filtered', path: '/docker/library/nginx/-/tags?q=alpine', text: [/1\.25\.4-alpine/] },
  { name: 'image-index', path: '/docker/library/nginx:1.27.3', audited: true, text: [/linux\/arm64/, /docker pull/] },
  { name: 'image-platform', path: '/docker/library/nginx:1.27.3?platform=linux/arm64/v8', text: [/nginx -g|daemon off/] },
  { name: 'image-digest', path: `/docker/library/nginx@${digests.platform}`, text: [/docker pull/] },
  { name: 'image-chart', path: '/harbour/charts/anchor:1.1.0', text: [/helm pull oci:\/\//, /Mary Read/] },
  { name: 'image-wasm', path: '/harbour/tide:0.2.0', text: [/wkg oci pull/] },
  { name: 'image-artifact', path: '/harbour/models/pilot:v1', text: [/oras pull/, /pilot\.gguf/] },
  { name: 'image-hostile', path: '/x9y8z7w6/hostile:single', text: [/<script>alert\(1\)<\/script>/] },
  { name: 'compare', path: '/docker/library/nginx/-/compare?from=1.27.2&to=1.27.3', text: [/1\.27\.2/, /1\.27\.3/] },
  { name: 'pulls', path: '/docker/library/nginx/-/pulls', text: [/[Rr]obots/] },
  { name: 'help', path: '/-/help', audited: true, text: [/docker pull/] },
  { name: 'not-found', path: '/docker/library/ngnix', status: 404, text: [/ngnix|docker library ngnix|moored/] },
];
