//! What `--help` says behind the flags of a command.

macro_rules! after_help {
    ($($more:expr),*; $example:expr) => {
        after_help!($($more),*; "1 failure (including a wrong command line)."; $example)
    };
    ($($more:expr),*; $failures:expr; $example:expr) => {
        concat!(
            "\
Each flag can be set by the environment variable shown with it. A flag on the command line wins; an
empty variable counts as unset.

",
            $($more,)*
            "Exit status: 0 success, ",
            $failures,
            "

Example:
",
            $example
        )
    };
}

macro_rules! variables_of_calls {
    () => {
        "\
Also used: AWS_ENDPOINT_URL_ROLESANYWHERE, AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL,
AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT,
AWS_CA_BUNDLE, SSL_CERT_FILE, AWS_MAX_ATTEMPTS, AWS_RETRY_MODE. The shared AWS config file is not
read.

"
    };
}

macro_rules! failures_of_services {
    () => {
        "1 failure (including a wrong command line), 77 if a token or TPM
refused the PIN or password: each try counts, so do not start it again before that is corrected."
    };
}

macro_rules! identity_and_arns {
    () => {
        "--certificate certificate.crt \\
      --private-key private.key --trust-anchor-arn $TRUSTANCHORARN \\
      --profile-arn $PROFILEARN --role-arn $ROLEARN"
    };
}

pub(super) const CREDENTIAL_PROCESS_AFTER_HELP: &str = after_help!(variables_of_calls!(); concat!(
    "  aws_signing_helper credential-process ", identity_and_arns!(), "

In ~/.aws/config, on one line:
  credential_process = aws_signing_helper credential-process --certificate ..."
));
pub(super) const SERVE_AFTER_HELP: &str = after_help!(variables_of_calls!(); failures_of_services!(); concat!(
    "  aws_signing_helper serve ", identity_and_arns!(), "

In another terminal:
  export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9911/
  aws sts get-caller-identity"
));
pub(super) const UPDATE_AFTER_HELP: &str = after_help!(variables_of_calls!(); failures_of_services!(); concat!(
    "  aws_signing_helper update --profile backup ", identity_and_arns!()
));
pub(super) const EXEC_AFTER_HELP: &str = concat!(
    "\
--via environment sets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and
AWS_CREDENTIAL_EXPIRATION. --via endpoint sets AWS_CONTAINER_CREDENTIALS_FULL_URI and
AWS_CONTAINER_AUTHORIZATION_TOKEN. Both set AWS_REGION and AWS_DEFAULT_REGION if they are not set.

Removed from the command's environment: AWS_PROFILE, AWS_DEFAULT_PROFILE, AWS_SECURITY_TOKEN,
AWS_SIGNING_HELPER_*PASSWORD*, AWS_SIGNING_HELPER_PKCS11_PIN*, AWS_SIGNING_HELPER_* with a pin-value,
and the variables of env:NAME. With --via endpoint also AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION, AWS_WEB_IDENTITY_TOKEN_FILE,
AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
AWS_SHARED_CREDENTIALS_FILE becomes an empty file if the [default] profile of the credentials file
would win.

Each flag can be set by the environment variable shown with it. A flag on the command line wins; an
empty variable counts as unset.

",
    variables_of_calls!(),
    "Exit status: that of the command, 128 and its number for a signal; 127 if the command is not found,
126 if it cannot be run, 1 if there are no credentials (including a wrong command line).

Example:
  aws_signing_helper exec ",
    identity_and_arns!(),
    " -- aws sts get-caller-identity"
);
pub(super) const EXPORT_AFTER_HELP: &str = after_help!(
    "Exported: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION,
AWS_REGION and AWS_DEFAULT_REGION. github-actions prints masks and appends the variables to the
file that GITHUB_ENV names. A value that the format cannot carry is an error.

",
    variables_of_calls!();
    concat!("  eval \"$(aws_signing_helper export ", identity_and_arns!(), ")\"
  aws sts get-caller-identity")
);
pub(super) const CONFIGURE_AFTER_HELP: &str = after_help!(
    "The file is that of AWS_CONFIG_FILE, else ~/.aws/config. With --region, the profile gets region = ...
too. Passwords are not written: name a file with --pkcs8-password-file or --pkcs12-password-file.

";
    concat!("  aws_signing_helper configure --profile ci ", identity_and_arns!(), "
  aws sts get-caller-identity --profile ci")
);
pub(super) const TRUST_POLICY_AFTER_HELP: &str = concat!(
    "\
Each flag can be set by the environment variable shown with it. A flag on the command line wins; an
empty variable counts as unset.

Exit status: 0 success, 1 failure (including a wrong command line), 3 if the policy of --explain
does not let the certificate in, or cannot be judged.

Example:
",
    "  aws_signing_helper trust-policy --certificate certificate.crt \\
      --trust-anchor-arn $TRUSTANCHORARN

Whether a policy lets the certificate in:
  aws_signing_helper trust-policy --explain --policy policy.json --certificate certificate.crt \\
      --trust-anchor-arn $TRUSTANCHORARN"
);
pub(super) const DOCTOR_AFTER_HELP: &str = concat!(
    "\
Each flag can be set by the environment variable shown with it. A flag on the command line wins; an
empty variable counts as unset.

",
    variables_of_calls!(),
    "Exit status: 0 nothing failed, 1 a check failed (including a wrong command line), 3 nothing failed but a
certificate ends within --expires-within.

Example:
  aws_signing_helper doctor ",
    identity_and_arns!()
);
pub(super) const SESSION_POLICY_AFTER_HELP: &str = after_help!(
    "A name with a wildcard is refused, and a policy of more than 2048 characters, which STS does not take.

"; "  aws_signing_helper session-policy s3-sync --bucket site --prefix docs --delete");
pub(super) const PLAIN_AFTER_HELP: &str = after_help!(; "");
pub(super) const SIGN_STRING_AFTER_HELP: &str = after_help!(; "  aws_signing_helper sign-string --certificate certificate.crt --private-key private.key");
pub(super) const READ_CERTIFICATE_DATA_AFTER_HELP: &str =
    after_help!(; "  aws_signing_helper read-certificate-data --certificate certificate.crt");
pub(super) const CACHE_CLEAR_AFTER_HELP: &str = after_help!(; "  aws_signing_helper cache clear");
