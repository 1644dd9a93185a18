//! [`SessionEntry`]: the entry of one session, under a key that follows the identity's files.

use crate::cache::Cache;
use crate::cache::key::CacheKey;
use crate::clock::Moment;
use crate::credentials::Credentials;
use crate::credentials::Renewal;
use crate::identity::FilesVersion;
use crate::session::SessionRequest;

/// Cache entry of one session.
#[derive(Debug)]
pub struct SessionEntry {
    cache: Cache,
    key: CacheKey,
    /// Version of the identity's files when the key was made.
    version: FilesVersion,
}

impl SessionEntry {
    /// The entry of this `key`, which was made when the identity's files were of this `version`.
    pub fn new(cache: Cache, key: CacheKey, version: FilesVersion) -> Self {
        Self {
            cache,
            key,
            version,
        }
    }

    /// Its cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Its name.
    pub fn key(&self) -> &CacheKey {
        &self.key
    }

    /// A set that is valid, to begin with.
    pub fn latest(&self, now: Moment) -> Option<(Credentials, Renewal)> {
        self.cache.latest(&self.key, now)
    }

    /// Stores a set that was issued to an identity with this `version` of its files. Another certificate
    /// would get another set: if the files have changed, nothing is stored.
    pub fn keep(
        &mut self,
        request: &SessionRequest,
        version: &FilesVersion,
        (credentials, renewal): (&Credentials, &Renewal),
    ) {
        let now = request.identity.version();
        // Files that cannot be read now are reported when they are needed.
        if let Ok(Some(key)) = CacheKey::of(request) {
            self.key = key;
            self.version = now;
        }
        if self.version == *version {
            self.cache.keep(&self.key, credentials, renewal);
        }
    }
}
