//! Nothing that a file holds makes podctl panic, and nothing that it takes makes a pod.yaml that is not one.

use super::support::import_file;
use podctl::import::import;
use podctl::import::project::Project;
use podctl::spec::source::Source;
use proptest::prelude::*;

/// Lines of all kinds of sources, and what may come between.
fn text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "[supervisord]\n",
        "[program:a]\n",
        "command=x\n",
        "command=sh -c 'a b'\n",
        "numprocs=3\n",
        "process_name=%(process_num)d\n",
        "environment=A=\"1\",PASSWORD=\"b\"\n",
        "%(ENV_X)s",
        "stdout_logfile=/x/%(process_num)d\n",
        "[group:g]\nprograms=a\n",
        "http {\n",
        "server {\n",
        "location / {",
        "}\n",
        "listen 80;",
        "proxy_pass http://a;",
        "upstream a { server 127.0.0.1:1; }",
        "try_files $uri =404;",
        "FROM x\n",
        "RUN apt-get install y && mkdir /z\n",
        "COPY . /app\n",
        "COPY <<E /x\n",
        "ENV A=b C\n",
        "\\\n",
        "WORKDIR a\n",
        "services:\n",
        "  a:\n    build: .\n",
        "    environment: [A=b]\n",
        "    volumes: [./a:/b]\n",
        "\"",
        "'",
        "${",
        "#",
        ";",
        " ",
        "\t",
        "\n",
        "{",
        "é",
        "\u{0}",
        "qz7vENVzXzVNEv7zq",
    ]);
    prop::collection::vec(
        prop_oneof![8 => words.prop_map(str::to_owned), 1 => "\\PC{0,6}", 1 => any::<char>().prop_map(String::from)],
        0..40,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(supervisord in text(), nginx in text(), dockerfile in text(), compose in text(), script in text()) {
        let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
        let alone = [("supervisord.conf", &supervisord), ("nginx.conf", &nginx), ("Dockerfile", &dockerfile), ("compose.yaml", &compose)];
        for (name, text) in alone {
            let base = [
                source("supervisord.conf", "[supervisord]\n[program:nginx]\ncommand=nginx\n[program:a]\ncommand=a -p 1\n"),
                source("entrypoint.sh", &script),
                source("Dockerfile", "FROM x\nENTRYPOINT [\"/entrypoint.sh\"]\n"),
            ];
            let texts: Vec<Source> = base.into_iter().filter(|source| source.name != name).chain([source(name, text)]).collect();
            let files = texts.iter().map(|source| source.name.clone()).collect();
            let project = Project { name: "x".to_owned(), files, texts, ..Project::default() };
            if let Ok(imported) = import(&project) {
                let read: Result<serde_json::Value, _> = serde_yaml::from_str(&imported.text);
                prop_assert!(read.is_ok_and(|value| value["services"].is_object()), "{}", imported.text);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = import_file("supervisord.conf", &String::from_utf8_lossy(&bytes));
    }
}
