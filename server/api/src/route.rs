//! Which path leads where: one table, and the rules that hold for every path.

use std::borrow::Cow;

use crate::answer::HttpAnswer;
use crate::target::{self, Target};
use crate::{HttpRequest, Identity, Parsed, checks, health, log_level, metrics, v2, v3, vars, version};

/// A request on its way to its handler.
pub(crate) struct Call<'a> {
    /// Who answers.
    pub(crate) identity: &'a Identity,
    /// As HTTP gave it.
    pub(crate) request: HttpRequest<'a>,
    /// Its path, decoded and clean but for a slash at the end.
    pub(crate) path: &'a [u8],
    /// Its query, as sent.
    pub(crate) query: &'a str,
}

type Handler = fn(&Call<'_>, &mut HttpAnswer) -> Parsed;

/// A row of the table.
struct Route {
    path: &'static str,
    /// Whether all paths below lead here too.
    subtree: bool,
    /// The methods served, in the order in which `Allow` names them.
    methods: &'static [&'static str],
    handler: Handler,
}

const fn exact(path: &'static str, methods: &'static [&'static str], handler: Handler) -> Route {
    Route {
        path,
        subtree: false,
        methods,
        handler,
    }
}

const fn tree(path: &'static str, methods: &'static [&'static str], handler: Handler) -> Route {
    Route {
        path,
        subtree: true,
        methods,
        handler,
    }
}

const fn call(path: &'static str, handler: Handler) -> Route {
    exact(path, &["POST"], handler)
}

const fn later(path: &'static str) -> Route {
    call(path, v3::not_served)
}

const GET: &[&str] = &["GET"];
const PUT: &[&str] = &["PUT"];
const GET_PUT_DELETE: &[&str] = &["GET", "PUT", "DELETE"];

/// The v3 calls, the frequent ones first. `later` marks those that are not served yet.
#[rustfmt::skip]
const V3: &[Route] = &[
    call("/v3/kv/put", v3::kv::put),
    call("/v3/kv/range", v3::kv::range),
    call("/v3/kv/txn", v3::txn::txn),
    call("/v3/lease/keepalive", v3::keep_alive::keep_alive),
    call("/v3/kv/deleterange", v3::kv::delete_range),
    call("/v3/lease/grant", v3::lease::grant),
    call("/v3/lease/revoke", v3::lease::revoke), call("/v3/kv/lease/revoke", v3::lease::revoke),
    call("/v3/lease/timetolive", v3::lease::time_to_live),
    call("/v3/kv/lease/timetolive", v3::lease::time_to_live),
    call("/v3/lease/leases", v3::lease::leases), call("/v3/kv/lease/leases", v3::lease::leases),
    call("/v3/maintenance/status", v3::maintenance::status),
    call("/v3/cluster/member/list", v3::cluster::member_list),
    call("/v3/kv/compaction", v3::kv::compaction),
    call("/v3/watch", v3::watch::watch),
    call("/v3/lock/lock", v3::lock::lock), call("/v3/lock/unlock", v3::lock::unlock),
    call("/v3/election/campaign", v3::election::campaign),
    call("/v3/election/proclaim", v3::election::proclaim),
    call("/v3/election/leader", v3::election::leader),
    call("/v3/election/resign", v3::election::resign),
    call("/v3/election/observe", v3::election::observe::observe),
    later("/v3/cluster/member/add"), later("/v3/cluster/member/remove"),
    later("/v3/cluster/member/update"), later("/v3/cluster/member/promote"),
    call("/v3/maintenance/alarm", v3::alarm::alarm),
    call("/v3/maintenance/defragment", v3::maintenance::defragment),
    call("/v3/maintenance/hash", v3::hash::hash),
    call("/v3/maintenance/hashkv", v3::hash::hash_kv),
    later("/v3/maintenance/snapshot"),
    call("/v3/maintenance/transfer-leadership", v3::transfer::transfer),
    call("/v3/maintenance/downgrade", v3::downgrade::downgrade),
    later("/v3/auth/enable"), later("/v3/auth/disable"), later("/v3/auth/status"), later("/v3/auth/authenticate"),
    later("/v3/auth/user/add"), later("/v3/auth/user/get"), later("/v3/auth/user/list"),
    later("/v3/auth/user/delete"), later("/v3/auth/user/changepw"),
    later("/v3/auth/user/grant"), later("/v3/auth/user/revoke"),
    later("/v3/auth/role/add"), later("/v3/auth/role/get"), later("/v3/auth/role/list"),
    later("/v3/auth/role/delete"), later("/v3/auth/role/grant"), later("/v3/auth/role/revoke"),
];

/// Everything else.
const REST: &[Route] = &[
    tree(
        "/v2/keys",
        &["HEAD", "GET", "PUT", "POST", "DELETE"],
        v2::keys::parse,
    ),
    tree(
        "/v2/members",
        &["GET", "POST", "DELETE", "PUT"],
        v2::members::members,
    ),
    exact("/v2/machines", &["GET", "HEAD"], v2::members::machines),
    exact("/v2/stats/self", GET, v2::stats::own),
    exact("/v2/stats/leader", GET, v2::stats::leader),
    exact("/v2/stats/store", GET, v2::stats::store),
    exact("/v2/auth/enable", GET_PUT_DELETE, v2::not_served),
    exact("/v2/auth/users", GET, v2::not_served),
    tree("/v2/auth/users", GET_PUT_DELETE, v2::not_served),
    exact("/v2/auth/roles", GET, v2::not_served),
    tree("/v2/auth/roles", GET_PUT_DELETE, v2::not_served),
    exact("/version", GET, version::version),
    exact("/health", GET, health::parse),
    exact("/livez", GET, checks::live),
    exact("/livez/serializable_read", GET, checks::live),
    exact("/readyz", GET, checks::ready),
    exact("/readyz/data_corruption", GET, checks::ready),
    exact("/readyz/linearizable_read", GET, checks::ready),
    exact("/readyz/non_learner", GET, checks::ready),
    exact("/readyz/serializable_read", GET, checks::ready),
    exact("/metrics", GET, metrics::parse),
    exact("/debug/vars", GET, vars::parse),
    exact("/config/local/log", PUT, log_level::parse),
];

/// The calls whose bodies are read as they come.
const STREAMS: &[&str] = &[
    "/v3/watch",
    "/v3/lease/keepalive",
    "/v3beta/watch",
    "/v3beta/lease/keepalive",
];

/// Whether the body of a request is read as it comes.
pub(crate) fn streams(method: &str, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    method == "POST" && STREAMS.contains(&path)
}

/// Finds the handler of a request and hands it over.
pub(crate) fn dispatch(identity: &Identity, request: HttpRequest<'_>, answer: &mut HttpAnswer) -> Parsed {
    let options = request.method == "OPTIONS";
    match target::split(request.target) {
        Ok(target) if !options => return to_route(identity, request, &target, answer),
        Err(why) if !(options && request.target == "*") => {
            answer.text_error(400, &format!("400 Bad Request: {why}"));
        }
        // A preflight, of any path, even `*`: the CORS lines are the answer.
        _ => answer.begin(200),
    }
    Parsed::Answered
}

fn to_route(
    identity: &Identity,
    request: HttpRequest<'_>,
    target: &Target<'_>,
    answer: &mut HttpAnswer,
) -> Parsed {
    let path = modern(&target.path);
    if let Some(clean) = target::cleaned(&path) {
        target::redirect(request.method, &clean, target.query, answer);
        return Parsed::Answered;
    }
    if path.as_ref() == b"/v3" {
        // The gateway is mounted as a directory, though there is nothing at its root.
        target::redirect(request.method, b"/v3/", target.query, answer);
        return Parsed::Answered;
    }
    let v3 = path.starts_with(b"/v3/");
    match find(if v3 { V3 } else { REST }, &path) {
        Some(route) if route.methods.contains(&request.method) => {
            let call = Call {
                identity,
                request,
                path: &path,
                query: target.query,
            };
            return (route.handler)(&call, answer);
        }
        Some(route) => {
            answer.text_error(405, "Method Not Allowed");
            if !v3 {
                answer.header("Allow", route.methods.join(","));
            }
        }
        None if v3 => answer.text_error(404, "Not Found"),
        None => answer.text_error(404, "404 page not found"),
    }
    Parsed::Answered
}

/// `/v3beta/` is the name `/v3/` had in etcd 3.3; both are served as one.
fn modern(path: &[u8]) -> Cow<'_, [u8]> {
    match path.strip_prefix(b"/v3beta/") {
        Some(rest) => Cow::Owned([b"/v3/", rest].concat()),
        None => Cow::Borrowed(path),
    }
}

fn find(table: &'static [Route], path: &[u8]) -> Option<&'static Route> {
    table
        .iter()
        .find(|route| match path.strip_prefix(route.path.as_bytes()) {
            Some(rest) => rest.is_empty() || (route.subtree && rest.starts_with(b"/")),
            None => false,
        })
}

#[cfg(test)]
mod tests;
