//! [`Route`]: what a request asks for, as metrics count it.

/// Route of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// A metadata token.
    Token,
    /// The role's name.
    RoleList,
    /// Credentials, by IMDS.
    Credentials,
    /// Credentials, by the container endpoint.
    Container,
    /// An unknown path, or a request that is refused whatever it asks for.
    Other,
}

impl Route {
    /// Every route, in the order of metrics.
    pub(super) const ALL: [Self; ROUTES] = [
        Self::Token,
        Self::RoleList,
        Self::Credentials,
        Self::Container,
        Self::Other,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::RoleList => "role_list",
            Self::Credentials => "credentials",
            Self::Container => "container",
            Self::Other => "other",
        }
    }
}

/// Number of routes.
pub(super) const ROUTES: usize = 5;
