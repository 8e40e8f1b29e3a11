//! Routes and the gateway.

use super::{mistakes, pod};
use crate::spec::model::*;

fn routes(service: &str) -> Vec<Route> {
    pod(&format!("services: {{ a: {{ command: x, {service} }} }}")).services["a"].routes.clone()
}

#[test]
fn files_come_before_the_service() {
    let route = &routes("port: 1, route: { static: public, expires: 1y }")[0];
    assert_eq!((route.files.as_deref(), route.is_file, route.fallback.clone()), (Some("/app/public"), false, Fallback::Service));
    assert_eq!((route.expires, &route.target), (Some(Expires::Seconds(31_536_000)), &RouteTarget::Service("a".to_owned())));
    let routes = routes(
        "port: 1, route: [{ static: /srv/, fallback: false, expires: off }, { path: = /favicon.ico, static: /srv/favicon.ico },\
         { path: /spa, static: /spa, fallback: /index.html }]",
    );
    assert_eq!((routes[0].files.as_deref(), routes[0].expires), (Some("/srv"), Some(Expires::Never)));
    assert_eq!(routes[0].fallback, Fallback::None);
    assert!(routes[1].is_file);
    assert_eq!(routes[2].fallback, Fallback::File("/index.html".to_owned()));
}

#[test]
fn a_route_says_who_answers_whom() {
    let routes = routes(
        "port: 1, route: [{ path: /a, host: [Example.ORG, '*.example.org'], listen: 9000, allow: 10.0.0.0/8 },\
         { path: /b, return: 301 https://x.example$request_uri }, { path: /c, upstream: 'http://other:80/' },\
         { path: /d, cors: 'https://a.example', headers: { X-A: b, Server: }, config: 'autoindex on;' }]",
    );
    assert_eq!(
        (routes[0].hosts.as_slice(), routes[0].listen),
        (["example.org", "*.example.org"].map(str::to_owned).as_slice(), Some(9000))
    );
    let answer = Return { status: 301, text: Some("https://x.example$request_uri".to_owned()) };
    assert_eq!(routes[1].target, RouteTarget::Return(answer));
    assert_eq!(routes[2].target, RouteTarget::Upstream("http://other:80".to_owned()));
    assert_eq!(routes[3].cors, Some(Cors { origins: vec!["https://a.example".to_owned()], credentials: false }));
    assert_eq!((routes[3].headers["X-A"].as_str(), routes[3].headers["Server"].as_str()), ("b", ""));
}

#[test]
fn what_cannot_be_routed_says_why() {
    for (service, want) in [
        ("route: /", "the route leads to nothing: `a` has no port; add `port:` or `socket:`, where the service listens"),
        (
            "port: 1, protocol: tcp, route: /",
            "the gateway cannot speak to a service of `protocol: tcp`; remove the route and publish the port, or say what the gateway is to speak: `protocol: http`",
        ),
        (
            "port: 1, protocol: grpc, route: /",
            "gRPC to `a` takes a port of its own, or TLS; add `listen: 9000` to the route, or `tls` to the gateway",
        ),
        (
            "port: 1, protocol: fastcgi, healthcheck: /up",
            "`a` does not speak HTTP, and its check does; write `healthcheck: { tcp: true }`, or check with `exec: COMMAND`",
        ),
        (
            "port: 1, route: { fallback: /x }",
            "`fallback` is about files, and this route has none; add `static: FOLDER`, or remove it",
        ),
        (
            "port: 1, route: { return: 404, allow: 10.0.0.1 }",
            "`return` answers before `allow` is looked at; remove one of them, or answer by `config` lines of your own",
        ),
        (
            "port: 1, route: { return: 301 }",
            "a redirection leads somewhere; write a status such as 404, or one with a text or a target: `301 https://example.org/`",
        ),
        ("port: 1, route: { allow: here }", "`here` is no network; write an address, or a network such as 10.0.0.0/8"),
        ("port: 1, route: { config: autoindex on }", "a directive of nginx's ends with `;`; add it"),
        (
            "port: 1, route: { upstream: other }",
            "the route leads to `other`, which does not exist; name a service of this pod, or write `upstream: http://host:port`",
        ),
        (
            "port: 1, route: { cors: { origins: '*', credentials: true } }",
            "`*` does not go with credentials; name the origins: browsers send no cookies to who allows all of them",
        ),
        (
            "socket: /run/a.sock, replicas: 2",
            "the replicas of `a` would all listen on one socket; give it a `port`, which is counted up",
        ),
    ] {
        assert_eq!(mistakes(&format!("services: {{ a: {{ command: x, {service} }} }}")), [format!("1: {want}")], "{service}");
    }
}

#[test]
fn the_same_path_is_there_once_for_each_host_and_port() {
    let of = |routes: &str| mistakes(&format!("services: {{ a: {{ command: x, port: 1, route: [{routes}] }} }}"));
    assert_eq!(of("/, { path: /, host: x.example }, { path: /, listen: 9000 }"), [""; 0]);
    assert_eq!(of("/, { path: /, listen: 8080 }").len(), 1, "8080 is the gateway's own port");
    assert_eq!(of("{ path: /, host: x.example }, { path: /, host: x.example }").len(), 1);
}

#[test]
fn the_gateway_has_tls_proxies_pages_and_routes() {
    let text = "services: { a: { command: x, port: 1, route: { path: /, listen: 9000 } } }\n\
                gateway: { port: '${NONE:-80}', tls: { certificate: /c.pem, key: /k.pem, port: 4443, redirect: true },\n\
                trusted_proxies: ['${NONE:-}', '${NONE:-10.0.0.0/8, 192.0.2.1}'], error_pages: { 503: /e/503.html }, headers: { X-A: b },\n\
                allow: 10.0.0.0/8, config: 'gzip on;', route: [{ path: /s, static: /srv, expires: 5d }] }";
    let gateway = pod(text).gateway.expect("a gateway");
    assert_eq!((gateway.port, gateway.service.ports.as_slice()), (80, [80, 4443, 9000].as_slice()));
    assert_eq!(
        (gateway.trusted_proxies.as_slice(), gateway.error_pages[&503].as_str()),
        (["10.0.0.0/8", "192.0.2.1"].map(str::to_owned).as_slice(), "/e/503.html")
    );
    let route = &gateway.service.routes[0];
    assert_eq!((&route.target, route.allow.as_slice()), (&RouteTarget::Files, ["10.0.0.0/8".to_owned()].as_slice()));
    for (gateway, want) in [
        (
            "route: /x",
            "this route leads to nothing: the gateway itself has only files; add `static: FOLDER`, `upstream: http://host:port` or `return: 404`, or write the route at its service",
        ),
        ("tls: { certificate: /c }", "TLS takes a certificate and its key; add `certificate` and `key`, paths in the container"),
        ("tls: { certificate: /c, key: /k, port: 8080 }", "port 8080 is used twice; give each service a port of its own"),
        ("error_pages: { 200: /x }", "this is no status of an error; write one from 400 to 599"),
    ] {
        let text = format!("services: {{ a: {{ command: x }} }}\ngateway: {{ {gateway} }}");
        assert_eq!(mistakes(&text), [format!("2: {want}")], "{gateway}");
    }
}

#[test]
fn a_service_listens_on_a_socket_too() {
    let service = pod("services: { a: { command: x, socket: /run/a/a.sock, protocol: uwsgi, route: / } }").services["a"].clone();
    assert_eq!((service.socket.as_deref(), service.protocol), (Some("/run/a/a.sock"), Protocol::Uwsgi));
    assert_eq!(service.healthcheck.map(|check| check.probe), Some(Probe::Tcp));
}
