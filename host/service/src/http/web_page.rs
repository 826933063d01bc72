//! The page in a browser: files that the program brings along, none where it was built without. Its pages are paths of its
//! own, so every path that is nobody's else is answered with its beginning, to browsers only.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response as AnyResponse};

use crate::http::guard;

/// Where a browser begins.
const INDEX: &str = "index.html";

/// Named by their content: what was fetched once holds for ever.
const ASSETS: &str = "assets/";

/// Scripts, workers and styles are this server's files, and nothing stands in the document itself; photos and scenes are
/// shown from memory (`blob:`), and Three.js fetches from there too.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; font-src 'self'; connect-src 'self' blob:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// How files were compressed when they were built, best first: name and what is added to the path.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// A file of the page.
#[derive(Debug, Clone, Copy)]
pub struct PageFile {
    /// Below the page's folder, `/`-separated.
    pub path: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

/// The page's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct WebPage {
    /// In order of path.
    pub files: &'static [PageFile],
}

impl WebPage {
    /// What a path is answered with that is no operation: a file, the page, or that there is no such thing.
    #[must_use]
    pub fn answer(self, method: &Method, uri: &Uri, headers: &HeaderMap) -> AnyResponse {
        let path = uri.path().trim_start_matches('/');
        let is_asked = matches!(*method, Method::GET | Method::HEAD) && !path.starts_with("api/");
        let path = match self.file(path) {
            Some(_) => path,
            None if wants_page(headers) => INDEX,
            None => "",
        };
        match self.file(path).filter(|_| is_asked) {
            Some(file) => self.encoded(file, headers).into_response(),
            None => guard::no_route(uri).into_response(),
        }
    }

    fn file(self, path: &str) -> Option<PageFile> {
        let found = self.files.binary_search_by(|file| file.path.cmp(path)).ok()?;
        Some(self.files[found])
    }

    fn encoded(self, file: PageFile, headers: &HeaderMap) -> Response<Body> {
        let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let of = |(name, suffix)| Some((name, self.file(&format!("{}{suffix}", file.path))?));
        let encoded = ENCODINGS.into_iter().filter(|(name, _)| accepts(accepted, name)).find_map(of);
        let bytes = encoded.map_or(file.bytes, |(_, file)| file.bytes);
        let mut response = Response::new(Body::from(bytes));
        let mut add = |name: HeaderName, value| response.headers_mut().insert(name, HeaderValue::from_static(value));
        add(header::CONTENT_TYPE, media_type(file.path));
        add(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY);
        add(header::VARY, "accept, accept-encoding");
        let is_asset = file.path.starts_with(ASSETS);
        add(header::CACHE_CONTROL, if is_asset { "public, max-age=31536000, immutable" } else { "no-cache" });
        if let Some((name, _)) = encoded {
            add(header::CONTENT_ENCODING, name);
        }
        *response.status_mut() = StatusCode::OK;
        response
    }
}

/// Browsers that go to a page say so; programs that look for an operation are told that there is none.
fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("text/html"))
}

/// RFC 9110, 12.5.3: named, and not with weight zero.
fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").parse().unwrap_or(1.0);
        name.trim().eq_ignore_ascii_case(encoding) && weight > 0.0
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: WebPage = WebPage {
        files: &[
            PageFile { path: "assets/a.js", bytes: b"plain" },
            PageFile { path: "assets/a.js.br", bytes: b"brotli" },
            PageFile { path: "assets/a.js.gz", bytes: b"gzip" },
            PageFile { path: "index.html", bytes: b"page" },
        ],
    };

    fn answer(page: WebPage, path: &str, accept: &'static str, encodings: &'static str) -> AnyResponse {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encodings));
        page.answer(&Method::GET, &path.parse().unwrap(), &headers)
    }

    async fn body(response: AnyResponse) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn files_are_sent_as_small_as_the_browser_takes_them() {
        for (encodings, expected) in [
            ("gzip, deflate, br, zstd", "brotli"),
            ("gzip;q=0.5, br;q=0", "gzip"),
            ("", "plain"),
            ("identity", "plain"),
        ] {
            let response = answer(PAGE, "/assets/a.js", "*/*", encodings);
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
            assert!(response.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
            assert_eq!(body(response).await, expected, "{encodings}");
        }
    }

    #[tokio::test]
    async fn paths_of_pages_are_the_page_to_browsers_only() {
        for path in ["/", "/jobs/job_1", "/sign-in"] {
            let response = answer(PAGE, path, "text/html,*/*;q=0.8", "");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
            assert_eq!(body(response).await, "page");
            assert_eq!(answer(PAGE, path, "*/*", "").status(), StatusCode::NOT_FOUND);
            assert_eq!(answer(WebPage::default(), path, "text/html", "").status(), StatusCode::NOT_FOUND);
        }
        assert_eq!(answer(PAGE, "/api/v1/nothing", "text/html", "").status(), StatusCode::NOT_FOUND);
        let post = PAGE.answer(&Method::POST, &"/jobs".parse().unwrap(), &HeaderMap::new());
        assert_eq!(post.status(), StatusCode::NOT_FOUND);
    }
}
