//! The command line of `credential-process`.

use clap::Args;

use super::Strays;
use super::call::CacheFlags;
use super::call::CallFlags;
use super::call::DebugFlag;

#[derive(Debug, Args)]
pub(crate) struct CredentialProcess {
    #[command(flatten)]
    pub(crate) call: CallFlags,
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
    #[command(flatten)]
    pub(crate) debug: DebugFlag,
    #[command(flatten)]
    pub(crate) strays: Strays,
}
