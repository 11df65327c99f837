//! Route 1: the call crosses us, and the customer is answered when the agent is.

use super::*;

#[test]
fn rings_is_answered_and_ends() {
    route_1(
        "begin ring ring answer:8 ack:- ring view bye:c view",
        expect![[r#"
        begin => dial[8,0]
        ring => ring
        ring => ring
        answer:8 => settle agent 8:5000, settle customer 8:4000, answer[8]
        ack:- => nothing
        ring => nothing
        view => Connected open, payment none, 0 keys
        bye:c => end agent, over customer_hung_up
        view => Ended(CustomerHungUp) open, payment none, 0 keys
    "#]],
    );
    route_1(
        "begin answer:0 bye:a",
        expect![[r#"
        begin => dial[8,0]
        answer:0 => settle agent 0:5000, settle customer 0:4000, answer[0]
        bye:a => end customer, over agent_hung_up
    "#]],
    );
}

#[test]
fn the_agent_is_offered_what_the_customer_has_and_its_choice_is_taken() {
    let mut run = Script::new(plan(RouteKind::InPath, ""), "0");
    expect![[r#"
        begin => dial[0]
        answer:0,8 => settle agent 0:5000, settle customer 0:4000, answer[0]
    "#]]
    .assert_eq(&run.run("begin answer:0,8"));
    // One that names more than it was offered is held to the offer.
    let mut run = Script::new(plan(RouteKind::InPath, ""), "8");
    expect![[r#"
        begin => dial[8]
        answer:0,8 => settle agent 8:5000, settle customer 8:4000, answer[8]
    "#]]
    .assert_eq(&run.run("begin answer:0,8"));
    let mut run = Script::new(plan(RouteKind::InPath, ""), "8,0/sendonly@4444");
    expect![[r#"
        begin => dial[8,0]
        answer:0 => settle agent 0:5000, settle customer 0:4444, answer[0/recvonly]
    "#]]
    .assert_eq(&run.run("begin answer:0"));
}

#[test]
fn why_the_agent_does_not_answer_is_told_to_the_customer() {
    route_1(
        "begin ring fail:486",
        expect![[r#"
        begin => dial[8,0]
        ring => ring
        fail:486 => reject 486, over agent_unreachable
    "#]],
    );
    route_1(
        "begin fail:603",
        expect![[r#"
        begin => dial[8,0]
        fail:603 => reject 603, over agent_unreachable
    "#]],
    );
    route_1(
        "begin fail:404",
        expect![[r#"
        begin => dial[8,0]
        fail:404 => reject 404, over agent_unreachable
    "#]],
    );
    route_1(
        "begin fail:408",
        expect![[r#"
        begin => dial[8,0]
        fail:408 => reject 408, over agent_unreachable
    "#]],
    );
    // A challenge that we cannot answer is not the caller's to answer.
    route_1(
        "begin fail:401",
        expect![[r#"
        begin => dial[8,0]
        fail:401 => reject 503, over agent_unreachable
    "#]],
    );
    route_1(
        "begin fail:407",
        expect![[r#"
        begin => dial[8,0]
        fail:407 => reject 503, over agent_unreachable
    "#]],
    );
    // A redirection is not followed, and what is no final status is ours.
    route_1(
        "begin fail:302",
        expect![[r#"
        begin => dial[8,0]
        fail:302 => reject 503, over agent_unreachable
    "#]],
    );
    route_1(
        "begin fail:0",
        expect![[r#"
        begin => dial[8,0]
        fail:0 => reject 503, over agent_unreachable
    "#]],
    );
    route_1(
        "begin fail:999",
        expect![[r#"
        begin => dial[8,0]
        fail:999 => reject 503, over agent_unreachable
    "#]],
    );
}

#[test]
fn a_phone_may_ring_for_a_minute() {
    route_1(
        "begin ring +59s view +1s",
        expect![[r#"
        begin => dial[8,0]
        ring => ring
        +59s => nothing
        view => Ringing open, payment none, 0 keys
        +1s => end agent, reject 480, over agent_unreachable
    "#]],
    );
}

#[test]
fn an_answer_without_a_common_codec_ends_both() {
    route_1(
        "begin ring answer:9",
        expect![[r#"
        begin => dial[8,0]
        ring => ring
        answer:9 => end agent, reject 488, over no_common_codec
    "#]],
    );
    route_1(
        "begin answer:junk",
        expect![[r#"
        begin => dial[8,0]
        answer:junk => end agent, reject 488, over no_common_codec
    "#]],
    );
    route_1(
        "begin answer:-",
        expect![[r#"
        begin => dial[8,0]
        answer:- => end agent, reject 488, over no_common_codec
    "#]],
    );
    let mut run = Script::new(plan(RouteKind::InPath, ""), "0");
    expect![[r#"
        begin => dial[0]
        answer:8 => end agent, reject 488, over no_common_codec
    "#]]
    .assert_eq(&run.run("begin answer:8"));
}

#[test]
fn the_customer_gives_up_while_it_rings() {
    route_1(
        "begin ring bye:c answer:8 bye:a",
        expect![[r#"
        begin => dial[8,0]
        ring => ring
        bye:c => end agent, over customer_hung_up
        answer:8 => nothing
        bye:a => nothing
    "#]],
    );
}

#[test]
fn the_agent_s_leg_may_end_while_it_rings() {
    route_1(
        "begin ring bye:a",
        expect![[r#"
        begin => dial[8,0]
        ring => ring
        bye:a => reject 480, over agent_hung_up
    "#]],
    );
    route_1(
        "begin ring hangup",
        expect![[r#"
        begin => dial[8,0]
        ring => ring
        hangup => reject 480, end agent, over agent_hung_up
    "#]],
    );
}

#[test]
fn a_late_offer_is_ours_and_its_answer_is_in_the_ack() {
    let late = |script: &str| Script::new(plan(RouteKind::InPath, ""), "-").run(script);
    expect![[r#"
        begin => dial[8,0]
        ring => ring
        answer:8,0 => settle agent 8:5000, answer[8]
        secure => SECURE
        ack:8@4010 => settle customer 8:4010
        ack:8@4012 => nothing
        view => Connected secured, payment none, 0 keys
    "#]]
    .assert_eq(&late("begin ring answer:8,0 secure ack:8@4010 ack:8@4012 view"));
    // No answer, none that can be read, none with the law of the agent's leg.
    expect![[r#"
        begin => dial[8,0]
        answer:8 => settle agent 8:5000, answer[8]
        ack:- => end customer, end agent, over no_common_codec
    "#]]
    .assert_eq(&late("begin answer:8 ack:-"));
    expect![[r#"
        begin => dial[8,0]
        answer:8 => settle agent 8:5000, answer[8]
        ack:junk => end customer, end agent, over no_common_codec
    "#]]
    .assert_eq(&late("begin answer:8 ack:junk"));
    expect![[r#"
        begin => dial[8,0]
        answer:8 => settle agent 8:5000, answer[8]
        ack:0 => end customer, end agent, over no_common_codec
    "#]]
    .assert_eq(&late("begin answer:8 ack:0"));
    expect![[r#"
        begin => dial[8,0]
        ack:- => nothing
        ack:8 => nothing
        answer:8 => settle agent 8:5000, answer[8]
        bye:c => end agent, over customer_hung_up
    "#]]
    .assert_eq(&late("begin ack:- ack:8 answer:8 bye:c"));
}

#[test]
fn an_answer_nobody_waits_for_ends_nobody() {
    route_1(
        "begin answer:8 ack:- answer:8 view",
        expect![[r#"
        begin => dial[8,0]
        answer:8 => settle agent 8:5000, settle customer 8:4000, answer[8]
        ack:- => nothing
        answer:8 => nothing
        view => Connected open, payment none, 0 keys
    "#]],
    );
}

#[test]
fn it_begins_once() {
    route_1(
        "begin begin answer:8 begin",
        expect![[r#"
        begin => dial[8,0]
        begin => nothing
        answer:8 => settle agent 8:5000, settle customer 8:4000, answer[8]
        begin => nothing
    "#]],
    );
}

#[test]
fn before_it_begins_there_is_nothing_to_do() {
    route_1(
        "ring fail:486 flow lost k:1 a:*7 secure offer:c:8 offer:a:8 timer begin",
        expect![[r#"
        ring => nothing
        fail:486 => nothing
        flow => changed
        lost => changed
        keys => changed
        a:*7 => nothing
        secure => no: NotConnected
        offer:c:8 => refuse customer 481
        offer:a:8 => refuse agent 481
        timer => nothing
        begin => dial[8,0]
    "#]],
    );
    route_1(
        "bye:a begin bye:a",
        expect![[r#"
        bye:a => nothing
        begin => dial[8,0]
        bye:a => reject 480, over agent_hung_up
    "#]],
    );
    route_1(
        "bye:c begin",
        expect![[r#"
        bye:c => over customer_hung_up
        begin => nothing
    "#]],
    );
    route_1(
        "hangup begin",
        expect![[r#"
        hangup => over agent_hung_up
        begin => nothing
    "#]],
    );
}
