//! The rules of the tree that no compiler holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Lines a source file may have.
const MAX_LINES: usize = 600;

/// Lines a function may have.
const MAX_FUNCTION_LINES: usize = 70;

/// Files that are one long list.
const LISTS: &[&str] = &[];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the workspace").to_owned()
}

pub(crate) fn metadata() -> Metadata {
    MetadataCommand::new().current_dir(root()).other_options(["--locked".into()]).exec().expect("cargo metadata")
}

/// All files with this extension, without build output and hidden folders.
fn files(extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a readable folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                if name != "target" && name != "node_modules" && !name.to_string_lossy().starts_with('.') {
                    walk(&path, extension, found);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), extension, &mut found);
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The path below the workspace, with `/`.
fn short(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/")
}

fn assert_none(problems: Vec<String>, rule: &str) {
    assert!(problems.is_empty(), "{rule}:\n{}", problems.join("\n"));
}

#[test]
fn source_files_stay_short() {
    let too_long = files("rs")
        .iter()
        .filter(|path| !LISTS.contains(&short(path).as_str()) && !is_test(&short(path)))
        .map(|path| (path, code_lines(&read(path))))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{}: {lines} lines", short(path)))
        .collect();
    assert_none(too_long, &format!("files have at most {MAX_LINES} lines without their tests"));
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/suite/") || path.starts_with("tests/suite/")
}

/// Lines before the test module.
fn code_lines(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

#[test]
fn functions_stay_short() {
    let mut too_long = Vec::new();
    for path in files("rs") {
        let text = read(&path);
        for (name, start, lines) in functions(&text) {
            if lines > MAX_FUNCTION_LINES && !is_test(&short(&path)) {
                too_long.push(format!("{}:{start}: fn {name} has {lines} lines", short(&path)));
            }
        }
    }
    assert_none(too_long, &format!("functions have at most {MAX_FUNCTION_LINES} lines"));
}

/// Name, first line and length of each function. Relies on rustfmt: a body ends at the brace with its own indentation.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    let mut open: Vec<(String, usize, usize)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if let Some((_, depth, _)) = open.last()
            && indent == *depth
            && (code == "}" || (code.ends_with(';') && !code.starts_with('}')))
        {
            let (name, _, start) = open.pop().expect("just seen");
            found.push((name, start + 1, number - start + 1));
            continue;
        }
        let words = code.split("fn ").collect::<Vec<_>>();
        if let [before, after, ..] = words.as_slice()
            && before.split_whitespace().all(is_qualifier)
            && !line.ends_with(['}', ';'])
        {
            let name = after.split(['(', '<']).next().unwrap_or_default();
            open.push((name.to_owned(), indent, number));
        }
    }
    found
}

fn is_qualifier(word: &str) -> bool {
    matches!(word, "pub" | "pub(super)" | "pub(crate)" | "const" | "async" | "unsafe")
}

#[test]
fn functions_are_measured() {
    let text = "fn a() {\n    x;\n}\nimpl B {\n    pub(crate) async fn c(\n        d: u8,\n    ) -> u8 {\n        d\n    }\n}\n";
    assert_eq!(functions(text), [("a".into(), 1, 3), ("c".into(), 5, 5)]);
}

#[test]
fn modules_are_files_named_after_them() {
    let old_style = files("rs").iter().filter(|path| path.ends_with("mod.rs")).map(|path| short(path)).collect();
    assert_none(old_style, "a module is foo.rs and foo/, not foo/mod.rs");
}

#[test]
fn nothing_is_left_for_later_in_comments() {
    let mut left = Vec::new();
    for path in files("rs").into_iter().chain(files("toml")).chain(files("md")) {
        for (number, line) in read(&path).lines().enumerate() {
            // Written in two parts, so that this file does not find itself.
            if [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")]
                .iter()
                .any(|mark| line.split(|char: char| !char.is_ascii_alphanumeric()).any(|word| word == *mark))
            {
                left.push(format!("{}:{}: {}", short(&path), number + 1, line.trim()));
            }
        }
    }
    assert_none(left, "open work is an issue, not a comment");
}

#[test]
fn every_fixture_says_where_it_comes_from() {
    let fixtures: Vec<PathBuf> =
        files("hex").into_iter().filter(|path| short(path).starts_with("node/protocol/fixtures/")).collect();
    assert!(!fixtures.is_empty(), "there are no fixtures");
    let without = fixtures
        .iter()
        .filter(|path| {
            !read(path).lines().take_while(|line| line.starts_with('#')).any(|line| line.contains("source:"))
        })
        .map(|path| short(path))
        .collect();
    assert_none(without, "a fixture starts with comment lines, one of them `# source: ...`");
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let own: BTreeSet<&str> = metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("bifrost-protocol", &[][..]),
        ("bifrost-world", &["bifrost-protocol"]),
        ("bifrost-line", &["bifrost-protocol"]),
        ("bifrost-node", &["bifrost-line", "bifrost-protocol", "bifrost-world"]),
        ("bifrost-coordinator", &["bifrost-line", "bifrost-protocol", "bifrost-world"]),
        ("bifrost-client-patch", &[]),
        ("p2phost", &["bifrost-client-patch"]),
        ("bifrost-launcher", &["bifrost-client-patch", "bifrost-node", "bifrost-protocol"]),
        ("bifrost-tests", &["bifrost-coordinator", "bifrost-node", "bifrost-protocol", "bifrost-world"]),
    ]);
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(allowed) = allowed.get(package.name.as_str()) else {
            wrong.push(format!("{} is not in the list of this test", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            if own.contains(name) && !allowed.contains(&name) {
                wrong.push(format!("{} depends on {name}", package.name));
            }
        }
    }
    assert_none(wrong, "launcher -> node -> {line, world, protocol} <- coordinator, tests -> all");
}

#[test]
fn protocol_and_world_know_no_socket_no_clock_no_task() {
    const FORBIDDEN: &[&str] =
        &["axum", "hyper", "mio", "quinn", "reqwest", "rustls", "socket2", "sqlx", "tokio", "tracing"];
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().expect("resolved");
    let name_of = |id: &cargo_metadata::PackageId| metadata[id].name.to_string();
    let mut wrong = Vec::new();
    for start in ["bifrost-protocol", "bifrost-world"] {
        let first = resolve.nodes.iter().find(|node| name_of(&node.id) == start).expect("a member");
        let (mut open, mut seen) = (vec![first], BTreeSet::new());
        while let Some(node) = open.pop() {
            let normal = |dependency: &&cargo_metadata::NodeDep| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            };
            for dependency in node.deps.iter().filter(normal) {
                if seen.insert(&dependency.pkg) {
                    open.extend(resolve.nodes.iter().find(|node| node.id == dependency.pkg));
                }
            }
        }
        let names = seen.into_iter().map(name_of);
        wrong.extend(names.filter(|name| FORBIDDEN.contains(&name.as_str())).map(|name| format!("{start} -> {name}")));
    }
    assert_none(wrong, "wire formats and world are pure");
}

#[test]
fn versions_stand_in_the_root_manifest_only() {
    let mut wrong = Vec::new();
    for path in files("toml").into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        let manifest: toml::Table = toml::from_str(&read(&path)).expect("a manifest");
        if manifest.contains_key("workspace") || short(&path).contains("/fuzz/") {
            continue;
        }
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(section) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
            for (name, value) in section {
                if value.get("workspace").is_none() {
                    wrong.push(format!("{}: {name}", short(&path)));
                }
            }
        }
    }
    assert_none(wrong, "dependencies are `{ workspace = true }`");
}

/// What a Markdown file leads to in this tree: the targets of its links, without those to elsewhere and to its own headings.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let paths = targets.map(|target| target.split('#').next().unwrap_or_default());
    paths.filter(|path| !path.is_empty() && !path.contains(':'))
}

#[test]
fn documents_lead_to_what_is_there() {
    let mut broken = Vec::new();
    for file in files("md") {
        let folder = file.parent().expect("a file has a folder");
        let text = read(&file);
        let missing = links(&text).filter(|link| !folder.join(link).exists());
        broken.extend(missing.map(|link| format!("{}: {link}", short(&file))));
    }
    assert_none(broken, "links that lead nowhere");
    assert_eq!(links("[a](b.md#c) [d](https://e) [f](#g)").collect::<Vec<_>>(), ["b.md"]);
}
