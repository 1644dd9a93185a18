//! [`Module`]: the shared library of a token's maker, or p11-kit's proxy for all of them.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

#[cfg(feature = "pkcs11")]
use super::error::Pkcs11Error;
#[cfg(feature = "pkcs11")]
use super::loaded::Loaded;
use super::uri::Pkcs11Uri;
use crate::identity::watch::Watch;
use crate::platform;

/// A PKCS#11 module, which is loaded once it is needed, and once per process.
pub struct Module {
    path: PathBuf,
    /// The file that the path leads to, by which the module is known.
    file: PathBuf,
    #[cfg_attr(
        not(feature = "pkcs11"),
        allow(dead_code, reason = "only what is loaded is watched")
    )]
    watch: Watch,
    #[cfg(feature = "pkcs11")]
    loaded: Mutex<Option<Arc<Loaded>>>,
}

impl Module {
    fn new(path: PathBuf, watch: Watch) -> Self {
        Self {
            file: file(&path),
            path,
            watch,
            #[cfg(feature = "pkcs11")]
            loaded: Mutex::default(),
        }
    }

    /// The path, or a name that the loader searches.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(feature = "pkcs11")]
impl Module {
    /// The module, loaded by now.
    pub(super) fn load(&self) -> Result<Arc<Loaded>, Pkcs11Error> {
        let mut loaded = self
            .loaded
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(loaded) = loaded.as_ref() {
            return Ok(Arc::clone(loaded));
        }
        let new = Arc::new(Loaded::new(&self.path, self.watch.clone())?);
        *loaded = Some(Arc::clone(&new));
        Ok(new)
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The modules that the URIs of one command line lead to.
#[derive(Debug, Default)]
pub struct Modules {
    /// Wins over what a URI says.
    pub flag: Option<PathBuf>,
    /// Counts where neither flag nor URI names one.
    pub variable: Option<PathBuf>,
    /// Takes note of what the modules do.
    pub watch: Watch,
    known: Mutex<Vec<Arc<Module>>>,
}

impl Modules {
    /// `flag` is `--pkcs11-lib`, `variable` is `PKCS11_MODULE_PATH`.
    pub fn new(flag: Option<PathBuf>, variable: Option<PathBuf>) -> Self {
        Self {
            flag,
            variable,
            watch: Watch::default(),
            known: Mutex::default(),
        }
    }

    /// The module for `uri`; the same one for the same file.
    pub fn of(&self, uri: &Pkcs11Uri) -> Arc<Module> {
        let path = self.path(uri);
        let mut known = self
            .known
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let file = file(&path);
        if let Some(module) = known.iter().find(|module| module.file == file) {
            return Arc::clone(module);
        }
        let module = Arc::new(Module::new(path, self.watch.clone()));
        known.push(Arc::clone(&module));
        module
    }

    fn path(&self, uri: &Pkcs11Uri) -> PathBuf {
        let in_uri = || {
            let by_name = || uri.module_name().map(named);
            uri.module_path().map(Path::to_owned).or_else(by_name)
        };
        self.flag
            .clone()
            .or_else(in_uri)
            .or_else(|| self.variable.clone())
            .unwrap_or_else(|| named(PROXY))
    }
}

/// The file without links on the way to it. A bare name is the loader's to find.
fn file(path: &Path) -> PathBuf {
    let is_bare = path.components().nth(1).is_none();
    let file = path.canonicalize().ok().filter(|_| !is_bare);
    file.unwrap_or_else(|| path.to_owned())
}

/// The module with this name, without `lib` in front and an ending behind: in the first folder that has
/// it, else left to the loader's search.
fn named(name: &str) -> PathBuf {
    let files = platform::LIBRARY_ENDINGS
        .iter()
        .flat_map(|ending| ["", "lib"].map(|prefix| format!("{prefix}{name}{ending}")));
    let files: Vec<String> = files.collect();
    let found = platform::PKCS11_FOLDERS.iter().find_map(|folder| {
        let paths = files.iter().map(|file| Path::new(folder).join(file));
        paths.into_iter().find(|path| path.is_file())
    });
    let bare = || files.into_iter().next().unwrap_or_default().into();
    found.unwrap_or_else(bare)
}

/// Offers the modules that p11-kit is configured for, as slots.
const PROXY: &str = "p11-kit-proxy";

#[cfg(test)]
mod tests {
    use super::*;

    fn path(modules: &Modules, uri: &str) -> PathBuf {
        modules
            .of(&Pkcs11Uri::parse(uri).unwrap())
            .path()
            .to_owned()
    }

    #[test]
    fn flag_wins_over_uri_and_uri_over_variable() {
        let flag = Modules::new(Some("/flag".into()), Some("/variable".into()));
        assert_eq!(path(&flag, "pkcs11:?module-path=/uri"), Path::new("/flag"));
        let variable = Modules::new(None, Some("/variable".into()));
        assert_eq!(
            path(&variable, "pkcs11:?module-path=/uri"),
            Path::new("/uri")
        );
        assert_eq!(path(&variable, "pkcs11:"), Path::new("/variable"));
        let none = path(&Modules::default(), "pkcs11:");
        let name = none.file_stem().unwrap();
        assert_eq!(name, PROXY);
    }

    #[test]
    fn module_name_is_completed() {
        let found = path(&Modules::default(), "pkcs11:?module-name=no-such-module");
        let name = found.to_str().unwrap();
        assert!(name.starts_with("no-such-module."), "{name}");
        assert!(found.parent().unwrap().as_os_str().is_empty());
    }

    #[test]
    fn same_path_is_the_same_module() {
        let modules = Modules::default();
        let one = modules.of(&Pkcs11Uri::parse("pkcs11:token=a").unwrap());
        let other = modules.of(&Pkcs11Uri::parse("pkcs11:token=b").unwrap());
        assert!(Arc::ptr_eq(&one, &other));
    }
}
