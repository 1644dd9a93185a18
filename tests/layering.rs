//! Imports point one way: up the list of modules in `src/lib.rs`. And the library reads nothing that
//! should be an argument.
#![allow(
    clippy::unwrap_used,
    reason = "a file that cannot be read is a failed test"
)]

use std::collections::HashMap;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

#[test]
fn imports_point_up_the_module_list() {
    let order = module_order();
    assert!(order.len() > 5, "module list not found: {order:?}");
    let mut violations = Vec::new();
    for (module, rank) in &order {
        for file in module_files(module) {
            for (number, name) in imported_modules(&file) {
                let at = format!("{}:{number}", file.display());
                match order.get(&name) {
                    _ if name == *module => {}
                    None => violations.push(format!(
                        "{at}: `crate::{name}` is no module; import it from where it is defined"
                    )),
                    Some(imported) if imported < rank => {}
                    Some(_) => violations.push(format!("{at}: `{module}` may not import `{name}`")),
                }
            }
        }
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn no_two_files_of_a_module_import_each_other() {
    let mut circles = Vec::new();
    for module in module_order().keys() {
        let files = module_files(module);
        let imports: Vec<HashSet<PathBuf>> =
            files.iter().map(|file| imported_files(file)).collect();
        for (index, file) in files.iter().enumerate() {
            for (other, imported) in files.iter().zip(&imports).skip(index + 1) {
                if imports[index].contains(other) && imported.contains(file) {
                    let mut names = [file, other].map(|file| file.display().to_string());
                    names.sort();
                    circles.push(names.join(" and "));
                }
            }
        }
    }
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

/// Where a new variant or field has to be handled, so that one that is forgotten does not compile: code
/// that matches in full has no `_` arm, and a destructured value has no `..`.
#[test]
fn seams_are_matched_in_full() {
    for (file, begin, wanted) in [
        ("src/identity/locator.rs", "impl Locator {", "Self::Held {"),
        ("src/cache/key.rs", "pub fn of(", "let SessionRequest {"),
        ("src/cache/key.rs", "fn network(", "let Network {"),
        ("src/cache/key.rs", "pub fn of(", "let Some(RoleChain {"),
        ("src/sts/assume_role/request.rs", "fn form(", "let Self {"),
        ("src/aws_call/error.rs", "pub fn class(", "Self::Service {"),
        ("src/session/error.rs", "pub fn class(", "Self::Call("),
    ] {
        let text = fs::read_to_string(file).unwrap();
        let (_, behind) = text.split_once(begin).unwrap();
        let indent = text.lines().find(|line| line.contains(begin)).unwrap();
        let indent: String = indent.chars().take_while(|c| *c == ' ').collect();
        let (block, _) = behind.split_once(&format!("\n{indent}}}\n")).unwrap();
        assert!(block.contains(wanted), "{file}: no {wanted}");
        assert!(!block.contains("_ =>"), "{file}: a catch-all arm");
        let rest = block
            .split("let ")
            .skip(1)
            .map(|one| one.split('=').next().unwrap());
        for pattern in rest {
            assert!(!pattern.contains(".."), "{file}: {pattern}");
        }
    }
}

#[test]
fn library_is_pure_outside_platform() {
    let forbidden = [
        ("std::env::var", ""),
        ("env::args", ""),
        ("println!", ""),
        ("process::exit", ""),
        ("now_utc", "src/clock.rs"),
        ("SystemTime", ""),
        ("cfg(unix)", "src/platform"),
        ("cfg(windows)", "src/platform"),
        ("std::os::", "src/platform"),
    ];
    let mut violations = Vec::new();
    for module in module_order().keys() {
        for file in module_files(module) {
            for (number, code) in code_lines(&file) {
                for (text, exception) in forbidden {
                    let is_exception = !exception.is_empty() && file.starts_with(exception);
                    if code.contains(text) && !is_exception {
                        violations.push(format!("{}:{number}: `{text}`", file.display()));
                    }
                }
            }
        }
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn emulator_does_not_know_the_client() {
    let manifest = fs::read_to_string("emulator/Cargo.toml").unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    assert!(
        !dependencies
            .lines()
            .any(|line| line.split('=').next().unwrap().trim() == "rolesanywhere"),
        "the emulator depends on the client crate"
    );
}

/// Modules in the order in which `src/lib.rs` declares them.
fn module_order() -> HashMap<String, usize> {
    let root = fs::read_to_string("src/lib.rs").unwrap();
    root.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .enumerate()
        .map(|(rank, name)| (name.to_owned(), rank))
        .collect()
}

fn module_files(module: &str) -> Vec<PathBuf> {
    let folder = Path::new("src").join(module);
    if !folder.is_dir() {
        return vec![folder.with_extension("rs")];
    }
    let mut files = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files
}

/// Lines of `file` without comments and without its tests, with their numbers.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .enumerate()
        .take_while(|(_, line)| *line != "#[cfg(test)]")
        .map(|(index, line)| {
            let code = line.split("//").next().unwrap_or_default();
            (index + 1, code.to_owned())
        })
        .collect()
}

/// The files that `file` imports from its own module or another. A `mod.rs` is its folder, which uses
/// what is in it and is used by it, so it does not count.
fn imported_files(file: &Path) -> HashSet<PathBuf> {
    let mut module = file.with_extension("");
    if module.ends_with("mod") {
        module.pop();
    }
    let lines = code_lines(file).into_iter();
    lines
        .filter_map(|(_, code)| {
            let path = code.trim_start_matches("pub ").strip_prefix("use ")?;
            Some(defining_file(&module, path.trim_end_matches(';')))
        })
        .flatten()
        .collect()
}

/// The file in which the first existing module along `path` from its end is.
fn defining_file(module: &Path, path: &str) -> Option<PathBuf> {
    let mut folder = module.to_owned();
    let mut found = None;
    for name in path.split("::") {
        match name {
            "crate" => folder = PathBuf::from("src"),
            "super" => {
                folder.pop();
            }
            "self" => {}
            name => {
                folder.push(name);
                let file = folder.with_extension("rs");
                if file.is_file() {
                    found = Some(file);
                }
            }
        }
    }
    found
}

/// Every `crate::name` in `file`, with its line number.
fn imported_modules(file: &Path) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, code) in code_lines(file) {
        for tail in code.split("crate::").skip(1) {
            let end = tail
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(tail.len());
            found.push((number, tail[..end].to_owned()));
        }
    }
    found
}
