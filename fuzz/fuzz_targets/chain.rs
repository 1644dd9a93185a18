//! A PEM file's certificates, put in the order of their issuers: the first is the leaf.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::chain::CHAIN_LENGTH_MAX;
use rolesanywhere::identity::chain::Chain;
use rolesanywhere::identity::files::pem;
use rolesanywhere::identity::work_budget::WorkBudget;

fuzz_target!(|text: &[u8]| {
    let blocks = pem::read_blocks(text).into_iter().flatten();
    let ders: Vec<Vec<u8>> = blocks.map(|block| block.der.expose().clone()).collect();
    if let Some((leaf, candidates)) = ders.split_first() {
        let candidates = candidates.get(..CHAIN_LENGTH_MAX).unwrap_or(candidates);
        let _ = Chain::by_issuer(leaf, candidates, &mut WorkBudget::new());
    }
});
