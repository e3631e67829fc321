//! A defect of ours ends the process with one sentence, whichever thread it is in: going on
//! without a worker would leave documents behind and confirm them all the same.

use std::process::exit;

use flusso_runtime::telemetry;

/// From now on a panic anywhere ends the process with 1.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        let what = info.payload_as_str().unwrap_or("no reason was given");
        let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
        let place = place.unwrap_or_default();
        let words = format!(
            "this is a defect in flusso{place}: {what}; nothing is lost: what was not confirmed is \
             sent again at the next start"
        );
        telemetry::last_words("error: ", &words);
        exit(1);
    }));
}
