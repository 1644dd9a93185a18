//! Rights to what the helper creates: those that any new file or folder gets in the same place.

use std::fs;
use std::path::Path;

use rolesanywhere_emulator::Settings;

use super::succeeds;
use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::windows_rights::rights;

/// Of each file in a folder.
#[track_caller]
fn assert_rights_of_new_files(folder: &Path, count: usize) {
    let names = fs::read_dir(folder).unwrap();
    let files: Vec<_> = names.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), count, "{files:?}");
    let new = folder.join("new");
    fs::write(&new, "").unwrap();
    for file in files {
        assert_eq!(rights(&file), rights(&new), "{}", file.display());
    }
}

#[test]
fn cache_has_the_rights_that_its_parent_hands_down() {
    let emulator = emulator(Settings::default());
    let helper = Helper::command_at("credential-process", &emulator.url()).args(["--cache"]);
    assert!(!succeeds(&helper.run()).is_empty());
    let caches = helper.home().join(".cache");
    let (folder, new) = (caches.join("aws_signing_helper"), caches.join("new"));
    fs::create_dir(&new).unwrap();
    assert_eq!(rights(&folder), rights(&new));
    assert_rights_of_new_files(&folder, 2);
}

#[test]
fn credentials_file_has_the_rights_that_its_folder_hands_down() {
    let emulator = emulator(Settings::default());
    let helper = Helper::command_at("update", &emulator.url()).args(["--once"]);
    succeeds(&helper.run());
    let (folder, new) = (helper.home().join(".aws"), helper.home().join("new"));
    fs::create_dir(&new).unwrap();
    assert_eq!(rights(&folder), rights(&new));
    assert_rights_of_new_files(&folder, 2);
}
