//! Licences, bans and sources of every dependency, as `deny.toml` says.

use std::collections::BTreeSet;

use cargo_metadata::Package;
use serde::Deserialize;

use crate::tidy::{metadata, root};

/// The parts of `deny.toml` that are held here, in cargo-deny's format.
#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    unknown_registry: String,
    unknown_git: String,
}

fn rules() -> Rules {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    toml::from_str(&text).expect("deny.toml is readable")
}

fn foreign() -> Vec<Package> {
    metadata().packages.into_iter().filter(|package| package.source.is_some()).collect()
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let rules = rules();
    let wrong: Vec<String> = foreign()
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(|text| satisfied(text, &rules.licenses.allow)))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    assert!(wrong.is_empty(), "not allowed by deny.toml:\n{}", wrong.join("\n"));
}

#[test]
fn no_banned_crate_has_crept_in() {
    let banned: BTreeSet<String> = rules().bans.deny.into_iter().map(|banned| banned.name).collect();
    let found: Vec<String> =
        foreign().iter().map(|package| package.name.to_string()).filter(|name| banned.contains(name)).collect();
    assert!(found.is_empty(), "banned by deny.toml: {found:?}");
}

#[test]
fn everything_comes_from_the_one_registry() {
    let sources = rules().sources;
    assert_eq!((sources.unknown_registry.as_str(), sources.unknown_git.as_str()), ("deny", "deny"));
    let wrong: Vec<String> = foreign()
        .iter()
        .filter(|package| !package.source.as_ref().is_some_and(cargo_metadata::Source::is_crates_io))
        .map(|package| package.name.to_string())
        .collect();
    assert!(wrong.is_empty(), "not from the registry: {wrong:?}");
}

#[test]
fn own_crates_carry_both_licences() {
    for package in metadata().workspace_packages() {
        assert_eq!(package.license.as_deref(), Some("MIT OR Apache-2.0"), "{}", package.name);
    }
}

/// Whether an SPDX expression can be met with the allowed licences. `/` is how old manifests write OR.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "+WITH+");
    let words: Vec<String> = spaced.split_whitespace().map(|word| word.replace("+WITH+", " WITH ")).collect();
    let mut rest = words.as_slice();
    either(&mut rest, allowed).is_some_and(|fine| fine && rest.is_empty())
}

/// `a OR b`; `None` when this is no expression.
fn either(words: &mut &[String], allowed: &BTreeSet<String>) -> Option<bool> {
    let mut fine = both(words, allowed)?;
    while let [word, rest @ ..] = *words
        && word == "OR"
    {
        *words = rest;
        fine |= both(words, allowed)?;
    }
    Some(fine)
}

fn both(words: &mut &[String], allowed: &BTreeSet<String>) -> Option<bool> {
    let mut fine = one(words, allowed)?;
    while let [word, rest @ ..] = *words
        && word == "AND"
    {
        *words = rest;
        fine &= one(words, allowed)?;
    }
    Some(fine)
}

fn one(words: &mut &[String], allowed: &BTreeSet<String>) -> Option<bool> {
    let (word, rest) = words.split_first()?;
    *words = rest;
    if word != "(" {
        return Some(allowed.contains(word));
    }
    let fine = either(words, allowed)?;
    let (close, rest) = words.split_first()?;
    *words = rest;
    (close == ")").then_some(fine)
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".into(), "Apache-2.0 WITH LLVM-exception".into()]);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("MIT OR", false),
        ("", false),
    ] {
        assert_eq!(satisfied(expression, &allowed), expected, "{expression}");
    }
}
