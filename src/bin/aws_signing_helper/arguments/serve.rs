//! The command line of `serve`.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use rolesanywhere::output::endpoint::host_name::HostName;

use super::Strays;
use super::boolean;
use super::call::CacheFlags;
use super::call::CallFlags;
use super::call::DebugFlag;
use super::call::LogFlags;

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) call: CallFlags,
    #[command(flatten)]
    pub(crate) endpoint: EndpointFlags,
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
    #[command(flatten)]
    pub(crate) log: LogFlags,
    #[command(flatten)]
    pub(crate) debug: DebugFlag,
    #[command(flatten)]
    pub(crate) strays: Strays,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Endpoint")]
pub(crate) struct EndpointFlags {
    /// Port to listen on; 0 picks a free one [default: 9911].
    #[arg(long, value_name = "PORT", allow_hyphen_values = true)]
    pub(crate) port: Option<u16>,
    /// IP TTL of responses, 1 to 255 [default: 64; 1 on a link-local address].
    #[arg(long, value_name = "HOPS", allow_hyphen_values = true,
          value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) hop_limit: Option<u8>,
    /// Address to listen on [default: 127.0.0.1 and ::1].
    ///
    /// A loopback address, 169.254.169.254, 169.254.170.2 or fd00:ec2::254 [default: 127.0.0.1 and
    /// ::1].
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true)]
    pub(crate) bind_address: Option<IpAddr>,
    /// Accept this host name in requests too; repeatable.
    ///
    /// Accept this host name in requests too, on any port, for example host.docker.internal. Repeat
    /// the flag, or separate names by commas.
    #[arg(
        long,
        value_name = "NAME",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    pub(crate) allow_host: Vec<HostName>,
    /// Serve as an ECS container endpoint instead, with an authorization token.
    ///
    /// Serve as an ECS container endpoint (AWS_CONTAINER_CREDENTIALS_FULL_URI) instead of IMDS.
    /// Clients must send an authorization token.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) container_credentials: Option<bool>,
    /// File with the authorization token; created if it does not exist.
    ///
    /// File with the authorization token; created with a random token if it does not exist [default:
    /// use the token in AWS_CONTAINER_AUTHORIZATION_TOKEN].
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) authorization_token_file: Option<PathBuf>,
    /// Serve /healthz, /readyz and /metrics, but no credentials, on this address.
    #[arg(long, value_name = "ADDRESS:PORT", allow_hyphen_values = true)]
    pub(crate) status_address: Option<SocketAddr>,
    /// Query /readyz of a running `serve` at --status-address and exit.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) healthcheck: Option<bool>,
}
