//! Identities on tokens of SoftHSM. The emulator verifies every signature.

mod debug;
mod keys;
mod listing;
mod pins;
mod search;
mod serving;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;

use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::softhsm::SoftHsm;

/// An emulator, and a helper that calls it with an identity.
struct Call<'a> {
    hsm: &'a SoftHsm,
    emulator: Emulator,
}

impl<'a> Call<'a> {
    fn of(hsm: &'a SoftHsm) -> Call<'a> {
        let emulator = emulator(Settings::default());
        Call { hsm, emulator }
    }

    /// `credential-process` with these flags of an identity.
    fn helper(&self, flags: &[&str]) -> Helper {
        let helper = Helper::new().args(["credential-process", "--endpoint", &self.emulator.url()]);
        let helper = helper.args(ARNS).args(flags.iter().copied());
        self.hsm.on(helper)
    }

    /// Subject of the certificate that the service gave credentials to.
    #[track_caller]
    fn issued_to(&self, flags: &[&str]) -> String {
        let output = self.helper(flags).run();
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""), "{flags:?}");
        assert!(output.stdout_text().contains("ASIAEMULATOR"));
        let record = self.emulator.requests().pop().unwrap();
        record.subject.unwrap()
    }

    /// What is said where nothing is asked of the service.
    #[track_caller]
    fn refusal(&self, flags: &[&str]) -> String {
        let before = self.emulator.requests().len();
        let output = self.helper(flags).run();
        assert_eq!(self.emulator.requests().len(), before, "{flags:?}");
        refused(&output)
    }

    /// The certificates that were sent beside the last one's own.
    fn chain_length(&self) -> usize {
        let record = self.emulator.requests().pop().unwrap();
        let chain = record
            .headers
            .iter()
            .find(|(name, _)| name == "x-amz-x509-chain");
        chain.map_or(0, |(_, value)| value.split(',').count())
    }
}

/// The error of a helper that failed.
#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    output.stderr.clone()
}

/// `sign-string` on these tokens.
fn sign_string(hsm: &SoftHsm, flags: &[&str]) -> Output {
    let helper = Helper::new().args(["sign-string"]);
    hsm.on(helper.args(flags.iter().copied())).run()
}

const ARNS: [&str; 6] = [
    "--trust-anchor-arn",
    "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/0a1b2c3d-1111-2222-3333-444455556666",
    "--profile-arn",
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/aaaabbbb-1111-2222-3333-444455556666",
    "--role-arn",
    "arn:aws:iam::123456789012:role/path/ci-role",
];
