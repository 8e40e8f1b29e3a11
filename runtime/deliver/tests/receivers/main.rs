//! podinit-deliver and those who receive: what arrives, and how an attempt ends with those who do not.
//!
//! Alertmanager is looked for on PATH (`prometheus-alertmanager` and `amtool`, as Debian has them); its test is listed as
//! ignored without it.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

mod alertmanager;
mod amtool;
mod answers;
mod certificates;
mod deliveries;
mod documented;
mod mail;
mod mailbox;
mod receiver;
mod templates;

use libtest_mimic::{Arguments, Trial};

/// A test by the name of its function.
macro_rules! trials {
    ($($room:ident :: $test:ident),* $(,)?) => {
        vec![$(Trial::test(concat!(stringify!($room), "::", stringify!($test)), || {
            $room::$test();
            Ok(())
        })),*]
    };
}

fn main() {
    let mut trials = trials![
        templates::each_template_for_alerts_that_fire_and_resolve,
        documented::slack_gets_what_it_documents,
        documented::pagerduty_gets_what_it_documents_and_resolves_by_the_same_key,
        documented::a_webhook_gets_the_alert_with_headers_of_ones_own,
        answers::an_answer_decides_whether_it_is_tried_again,
        answers::a_slow_server_costs_the_time_limit_and_no_more,
        answers::those_who_are_away_or_hang_up_are_tried_again,
        answers::nobody_who_is_not_trusted_gets_a_word,
        answers::a_proxy_is_asked_only_when_a_variable_names_one,
        answers::no_secret_is_told,
        answers::what_is_wrong_with_a_delivery_is_said,
        mail::a_mail_arrives,
        mail::a_mail_arrives_by_tls_with_a_login,
        mail::a_password_is_not_sent_in_the_clear,
        mail::a_mail_that_is_not_taken_ends_as_the_server_says,
    ];
    let alertmanager = trials![amtool::it_shows_an_alert_until_it_is_resolved];
    trials.extend(alertmanager.into_iter().map(|trial| trial.with_ignored_flag(!alertmanager::is_there())));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
