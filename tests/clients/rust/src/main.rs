//! The AWS SDK for Rust as a client of `serve`: loads credentials by the default chain, and again for
//! each line on standard input. Prints a line of JSON for each load: the access key id and the
//! expiration, or the error. Exits with 1 when the last load failed. It speaks plain HTTP only.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use aws_config::BehaviorVersion;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::json;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let config = runtime.block_on(
        aws_config::defaults(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .load(),
    );
    let provider = config
        .credentials_provider()
        .ok_or("the default chain is empty")?;
    let mut lines = io::stdin().lines();
    loop {
        let loaded = runtime.block_on(load(&provider));
        match &loaded {
            Ok(line) => println!("{line}"),
            Err(error) => println!("{}", json!({ "Error": error.to_string() })),
        }
        if lines.next().transpose()?.is_none() {
            return Ok(match loaded {
                Ok(_) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            });
        }
    }
}

async fn load(provider: &SharedCredentialsProvider) -> Result<serde_json::Value, Box<dyn Error>> {
    let credentials = match provider.provide_credentials().await {
        Ok(credentials) => credentials,
        // Its own text only says that an error occurred.
        Err(error) => return Err(format!("{error}: {:?}", error.source()).into()),
    };
    let expiration = match credentials.expiry() {
        Some(time) => Some(DateTime::from(time).fmt(Format::DateTime)?),
        None => None,
    };
    Ok(json!({ "AccessKeyId": credentials.access_key_id(), "Expiration": expiration }))
}
