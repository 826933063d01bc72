//! The page that `serve` brings along: to browsers only, safe headers, nothing inline, files that hold for ever.

use reqwest::Method;
use scene3d_tests::client::{Answer, Client};
use scene3d_tests::server::Server;

/// What browsers send when somebody follows a link.
const NAVIGATION: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[test]
fn a_browser_gets_the_page_and_a_program_gets_problems() {
    let server = Server::start("jobs.run_jobs = false");
    let client = server.anonymous();
    let page = navigate(&client, "/");
    if page.status == 404 {
        println!("skipped: this program was built without the page; `cargo xtask build` builds it where Node is");
        return;
    }
    assert_eq!(page.status, 200);
    let html = page.text();
    for path in ["/jobs/job_0197", "/sign-in?to=%2Fnew"] {
        assert_eq!(navigate(&client, path).text(), html, "{path}");
    }
    check_document(&page, &html);
    let assets: Vec<&str> = html.split(['"', '\'']).filter(|word| word.starts_with("/assets/")).collect();
    assert!(assets.iter().any(|path| path.ends_with(".js")) && assets.iter().any(|path| path.ends_with(".css")));
    assets.into_iter().for_each(|path| check_asset(&client, path));
    for path in ["/api/v1/nothing", "/api/nothing"] {
        let _ = navigate(&client, path).expect_problem(404, "no_such_route");
    }
    let _ = client.get("/assets/nothing.js").expect_problem(404, "no_such_route");
    let _ = client.get("/").expect_problem(404, "no_such_route");
    let _ = client.send(client.request(Method::POST, "/jobs")).expect_problem(404, "no_such_route");
}

fn navigate(client: &Client, path: &str) -> Answer {
    client.send(client.request(Method::GET, path).header("accept", NAVIGATION))
}

fn check_document(page: &Answer, html: &str) {
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("x-frame-options"), "DENY");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for script in html.split("<script").skip(1) {
        assert!(
            script.contains(" src=\"/") && script.contains("></script>"),
            "a script stands in the document: {html}"
        );
    }
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" onload="), "{html}");
}

fn check_asset(client: &Client, path: &str) {
    let plain = client.get(path).expect_status(200);
    assert!(plain.header("cache-control").contains("immutable"), "{path}");
    let expected = if path.ends_with(".js") { "text/javascript; charset=utf-8" } else { "text/css; charset=utf-8" };
    assert_eq!(plain.header("content-type"), expected);
    for encoding in ["br", "gzip"] {
        let ask = client.request(Method::GET, path).header("accept-encoding", encoding);
        let small = client.send(ask).expect_status(200);
        assert_eq!(small.header("content-encoding"), encoding);
        assert!(small.body.len() < plain.body.len() / 2, "{path}: {} of {} bytes", small.body.len(), plain.body.len());
    }
}
