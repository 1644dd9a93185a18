//! `trust-policy`: lets a certificate assume a role, or says whether a policy does.

use std::fmt::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use rolesanywhere::environment::Environment;
use rolesanywhere::identity::certificate::Certificate;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::identity::open_certificate;
use rolesanywhere::identity::open_certificates;
use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use rolesanywhere::policy::TrustRequest;
use rolesanywhere::policy::authorities::Authorities;
use rolesanywhere::policy::session_tags::SessionTag;
use rolesanywhere::policy::template::Template;
use rolesanywhere::policy::template::cloudformation::cloudformation;
use rolesanywhere::policy::template::terraform::terraform;
use rolesanywhere::policy::trust_policy;
use rolesanywhere::policy::verdict::Outcome;
use rolesanywhere::policy::verdict::verdict;
use rolesanywhere::text::Printable;
use rolesanywhere::text::ShownName;

use crate::arguments::trust_policy::PolicyFormat;
use crate::arguments::trust_policy::TrustPolicy;
use crate::certificate_store::certificate_path;
use crate::error::RunError;
use crate::inputs::Inputs;
use crate::inputs::NamedInput;
use crate::inputs::Reader;
use crate::inputs::refuse_shared_streams;
use crate::report;
use crate::report::print;

/// `trust-policy`.
pub(crate) fn run(arguments: TrustPolicy, environment: &Environment) -> Result<ExitCode, RunError> {
    let named = [
        ("certificate", &arguments.certificate),
        (
            "trust-anchor-certificate",
            &arguments.trust_anchor_certificate,
        ),
        ("policy", &arguments.policy),
    ];
    let named = named.into_iter().filter_map(|(flag, path)| {
        path.as_deref().map(|name| NamedInput {
            flag,
            name,
            reader: Reader::Alone,
        })
    });
    refuse_shared_streams(&named.collect::<Vec<_>>())?;
    let path = certificate_path(arguments.certificate.clone())?;
    let mut inputs = Inputs::new(environment, Instant::now());
    let locator = inputs.locator("certificate", path)?;
    let certificate = open_certificate(&locator).map_err(RunError::Identity)?;
    let tags = SessionTag::of(&certificate);
    match (arguments.explain, &arguments.policy) {
        (Some(true), policy) => explain(&arguments, policy.clone(), &tags, &mut inputs),
        (_, Some(_)) => Err(RunError::Needs {
            flag: "policy",
            needed: "explain",
        }),
        (_, None) => print_policy(arguments, &certificate, &tags, &mut inputs),
    }
}

fn print_policy(
    arguments: TrustPolicy,
    certificate: &Certificate,
    tags: &[SessionTag],
    inputs: &mut Inputs<'_>,
) -> Result<ExitCode, RunError> {
    let format = arguments.format.unwrap_or(PolicyFormat::Json);
    let authorities = arguments.trust_anchor_certificate;
    if authorities.is_some() && format == PolicyFormat::Json {
        return Err(RunError::Needs {
            flag: "trust-anchor-certificate",
            needed: "format cloudformation or --format terraform",
        });
    }
    let conditions =
        trust_policy::conditions(&arguments.condition, tags).map_err(RunError::TagAbsent)?;
    let authorities = authorities.map(|path| authorities_of(path, certificate, inputs));
    let authorities = authorities.transpose()?;
    let trust_anchor = match (&authorities, &arguments.trust_anchor_arn) {
        // The template puts its own in place of it.
        (Some(_), _) => "",
        (None, Some(arn)) => arn.as_str(),
        (None, None) => return Err(RunError::missing("trust anchor arn", "trust-anchor-arn")),
    };
    let policy = trust_policy::trust_policy(trust_anchor, &conditions);
    let template = Template {
        policy: &policy,
        role: arguments.role_arn.as_ref(),
        authorities: authorities.as_deref(),
    };
    let text = match format {
        PolicyFormat::Json => policy.text(),
        PolicyFormat::Terraform => terraform(&template),
        PolicyFormat::Cloudformation => cloudformation(&template),
    };
    for tag in tags {
        if let Some(fault) = tag.fault() {
            warn(format!("{} of the certificate: {fault}", tag.name));
        }
    }
    print(text.as_bytes()).map(|()| ExitCode::SUCCESS)
}

fn authorities_of(
    path: PathBuf,
    certificate: &Certificate,
    inputs: &mut Inputs<'_>,
) -> Result<String, RunError> {
    let locator = inputs.locator("trust-anchor-certificate", path)?;
    let certificates = open_certificates(&locator).map_err(RunError::Identity)?;
    let authorities =
        Authorities::new(certificates).map_err(|source| RunError::NotAnAuthority {
            path: locator.name().to_owned(),
            source,
        })?;
    if !authorities.have_issued(certificate) {
        warn(format!(
            "no certificate in {} has issued the certificate; the intermediates have to be sent with it",
            ShownName::of(locator.name())
        ));
    }
    Ok(authorities.pem())
}

fn warn(message: String) {
    report::log(&LogEvent::new(Level::Warning, "trust_policy", message));
}

/// Prints the session tags, and whether the policy lets them in.
fn explain(
    arguments: &TrustPolicy,
    policy: Option<PathBuf>,
    tags: &[SessionTag],
    inputs: &mut Inputs<'_>,
) -> Result<ExitCode, RunError> {
    let mut text = "session tags:\n".to_owned();
    for tag in tags {
        let value = Printable::new(&tag.value, VALUE_CHARACTERS_MAX);
        let _ = write!(text, "  {} = {value}", tag.name);
        let fault = tag.fault().map(|fault| format!(" ({fault})"));
        let _ = writeln!(text, "{}", fault.unwrap_or_default());
    }
    let Some(path) = policy else {
        return print(text.as_bytes()).map(|()| ExitCode::SUCCESS);
    };
    let locator = inputs.locator("policy", path)?;
    let bytes = locator
        .read()
        .map_err(|error| RunError::Identity(IdentityError::File(error)))?;
    let request = TrustRequest {
        tags,
        trust_anchor: arguments.trust_anchor_arn.as_ref(),
    };
    let verdict = verdict(bytes.expose(), request).map_err(|source| RunError::Policy {
        path: locator.name().to_owned(),
        source,
    })?;
    let _ = writeln!(text, "{}", headline(verdict.outcome, locator.name()));
    for reason in verdict.reasons {
        let _ = writeln!(text, "  {}", Printable::new(&reason, REASON_CHARACTERS_MAX));
    }
    print(text.as_bytes())?;
    Ok(match verdict.outcome {
        Outcome::LetIn => ExitCode::SUCCESS,
        Outcome::Refused | Outcome::Unknown => ExitCode::from(NOT_LET_IN),
    })
}

fn headline(outcome: Outcome, path: &Path) -> String {
    let path = ShownName::of(path);
    match outcome {
        Outcome::LetIn => format!("{path} lets the certificate in"),
        Outcome::Refused => format!("{path} does not let the certificate in:"),
        Outcome::Unknown => format!("{path} cannot be judged here:"),
    }
}

/// The exit status of a policy that does not let the certificate in.
const NOT_LET_IN: u8 = 3;

const VALUE_CHARACTERS_MAX: usize = 256;
const REASON_CHARACTERS_MAX: usize = 600;
