//! What becomes of an nginx.conf: routes and the gateway, or a service that keeps its own file.

use podctl::import::project::Project;
use podctl::import::{Imported, import};
use podctl::render::{self, Facts};
use podctl::spec::source::Source;

const PROGRAMS: &str = "[supervisord]\n[program:nginx]\ncommand=nginx -g 'daemon off;'\n\
    [program:web]\ncommand=gunicorn app:app -b 127.0.0.1:8000\n\
    [program:php-fpm]\ncommand=php-fpm8.2 -F\n\
    [program:stats]\ncommand=uwsgi --socket /run/stats.sock\n";

fn imported(nginx: &str) -> Imported {
    let texts = [("supervisord.conf", PROGRAMS), ("nginx.conf", nginx)];
    let texts: Vec<Source> =
        texts.iter().map(|(name, text)| Source { name: (*name).to_owned(), text: (*text).to_owned() }).collect();
    let files = texts.iter().map(|source| source.name.clone()).collect();
    import(&Project { name: "x".to_owned(), files, texts, ..Project::default() }).unwrap()
}

/// The lines of pod.yaml that tell of routes, for servers with these locations; rendered, to see that they can be.
fn routes(inner: &str) -> Vec<String> {
    routes_of(&format!("server {{ listen 80; {inner} }}"))
}

fn routes_of(servers: &str) -> Vec<String> {
    let imported = imported(&format!("events {{}} http {{ {servers} }}"));
    assert!(
        imported.account.notes().iter().all(|note| !note.contains("stays a service")),
        "{servers}: {:?}",
        imported.account.notes()
    );
    let pod = super::support::pod(&imported.text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    render::render(&pod, &Facts::default()).unwrap_or_else(|error| panic!("{error:#}\n{}", imported.text));
    let value: serde_json::Value = serde_yaml::from_str(&imported.text).unwrap();
    let services = value["services"].as_object().unwrap().iter();
    let all = services.map(|(name, service)| (name.as_str(), service)).chain([("gateway", &value["gateway"])]);
    let routes = all.flat_map(|(name, service)| match &service["route"] {
        serde_json::Value::Null => Vec::new(),
        serde_json::Value::Array(routes) => routes.iter().map(|route| format!("{name} {route}")).collect(),
        route => vec![format!("{name} {route}")],
    });
    routes.map(|route| route.replace('"', "")).collect()
}

#[test]
fn locations_become_routes_of_who_answers() {
    for (inner, want) in [
        ("location / { proxy_pass http://127.0.0.1:8000; }", &["web /"][..]),
        ("location /api/ { proxy_pass http://localhost:8000/; }", &["web {path:/api,strip_prefix:true}"]),
        (
            "location /api { proxy_pass http://127.0.0.1:8000; proxy_buffering off; client_max_body_size 0; }",
            &["web {buffering:false,max_body:0,path:/api}"],
        ),
        ("location = /x { proxy_pass http://127.0.0.1:8000; proxy_read_timeout 5m; }", &["web {path:= /x,timeout:5m}"]),
        ("location ~* ^/v[12]/ { proxy_pass http://127.0.0.1:8000; }", &["web ~ (?i)^/v[12]/"]),
        ("location /s { include uwsgi_params; uwsgi_pass unix:/run/stats.sock; }", &["stats /s"]),
        ("location /out { proxy_pass http://example.org; }", &["gateway {path:/out,upstream:http://example.org}"]),
        ("location /s/ { alias /srv/static/; expires max; }", &["gateway {expires:10y,path:/s,static:/srv/static}"]),
        (
            "root /srv; location /img/ { expires 7d; }",
            &["gateway {path:/,static:/srv}", "gateway {expires:7d,path:/img,static:/srv/img}"],
        ),
        ("location / { return 404; }", &["gateway {path:/,return:404}"]),
        ("location /private { deny all; }", &["gateway {path:/private,return:403}"]),
        (
            "root /srv; location / { try_files $uri @app; } location @app { proxy_pass http://127.0.0.1:8000; }",
            &["web {path:/,static:/srv}"],
        ),
        ("root /srv; location / { try_files $uri /index.html; }", &["gateway {fallback:/index.html,path:/,static:/srv}"]),
        ("root /srv; location / { try_files $uri =404; }", &["gateway {fallback:false,path:/,static:/srv}"]),
        (
            "root /srv; index index.php; location ~ \\.php$ { fastcgi_pass 127.0.0.1:9000; }",
            &["php-fpm {fallback:false,path:/,static:/srv}"],
        ),
        (
            "root /srv; location / { try_files $uri $uri/ /index.php?$args; } location ~ \\.php$ { fastcgi_pass unix:/run/php.sock; fastcgi_read_timeout 10m; }",
            &["php-fpm {path:/,static:/srv,timeout:10m}"],
        ),
        (
            "location / { proxy_pass http://127.0.0.1:8000; add_header X-A b; autoindex on; allow 10.0.0.0/8; deny all; }",
            &["web {allow:[10.0.0.0/8],config:autoindex on;,headers:{X-A:b},path:/}"],
        ),
    ] {
        assert_eq!(routes(inner), want, "{inner}");
    }
}

#[test]
fn servers_are_told_apart_by_port_and_host_and_redirect_to_tls() {
    let two = "upstream app { server 127.0.0.1:8000; } server { listen 80 default_server; location / { proxy_pass http://app; } }\n\
               server { listen 9090; server_name a.example b.example; location /m { proxy_pass http://app; } }";
    assert_eq!(routes_of(two), ["web /", "web {host:[a.example,b.example],listen:9090,path:/m}"]);
    let tls = "server { listen 80; return 301 https://$host$request_uri; }\n\
               server { listen 443 ssl; ssl_certificate /tls/c.pem; ssl_certificate_key /tls/k.pem; location / { proxy_pass http://127.0.0.1:8000; } }";
    assert_eq!(routes_of(tls), ["web /"]);
    let text = imported(&format!("http {{ {tls} }}")).text;
    assert!(text.contains("tls: { certificate: /tls/c.pem, key: /tls/k.pem, port: 443, redirect: true }"), "{text}");
}

#[test]
fn rates_are_those_of_their_zones() {
    let zone = "limit_req_zone $binary_remote_addr zone=a:1m rate=5r/s;";
    let location = "location / { limit_req zone=a burst=7 nodelay; proxy_pass http://127.0.0.1:8000; }";
    assert_eq!(routes_of(&format!("{zone} server {{ listen 80; {location} }}")), ["web {burst:7,path:/,rate:5r/s}"]);
}

#[test]
fn what_a_gateway_cannot_do_leaves_nginx_as_it_is_and_says_where() {
    for (line, inside) in [
        ("map $host $x { default a; }", ""),
        ("proxy_cache_path /c keys_zone=c:1m;", ""),
        ("limit_req_zone $server_name zone=a:1m rate=1r/s;", ""),
        ("", "location /a { location /a/b { return 200; } }"),
        ("", "location /a { auth_request /auth; proxy_pass http://127.0.0.1:8000; }"),
        ("", "location /a/ { proxy_pass http://127.0.0.1:8000/b/; }"),
        ("", "location /a { proxy_pass http://$backend; }"),
        ("", "location /a { proxy_set_header Authorization 'Basic canary'; proxy_pass http://127.0.0.1:8000; }"),
        ("", "if ($http_x_api_key != canary) { return 403; }"),
        ("", "location /a { fastcgi_pass db.internal:9000; }"),
    ] {
        let imported = imported(&format!("http {{\n{line}\nserver {{\n listen 80;\n{inside}\n}}\n}}\n"));
        let note = imported
            .account
            .notes()
            .iter()
            .find(|note| note.contains("stays a service"))
            .unwrap_or_else(|| panic!("{line}{inside}: {}", imported.text));
        let number = if line.is_empty() { 5 } else { 2 };
        assert!(note.contains(&format!("nginx.conf:{number}: ")), "{note}");
        let pod = super::support::pod(&imported.text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert!(pod.gateway.is_none() && pod.services.contains_key("nginx"));
        assert!(pod.files.contains_key("/etc/nginx/nginx.conf"), "{}", imported.text);
        assert!(!imported.text.contains("canary"), "{}", imported.text);
        // Nothing of the routes that were tried is left behind.
        assert!(pod.services["web"].ports.is_empty() && pod.services["web"].routes.is_empty());
    }
}
