#include "view/events.hpp"

#include <doctest/doctest.h>

#include "rows.hpp"
#include "view/text.hpp"

using nlohmann::json;

namespace {

control::Record record(std::string adjacency, std::string event, std::string from, std::string to,
                       std::string cause = "", std::string detail = "") {
    return {rows::noon,    std::move(adjacency), std::move(event), std::move(from),
            std::move(to), std::move(cause),     std::move(detail)};
}

}  // namespace

TEST_CASE("an event is at, adjacency, event, from, to, cause; what it lacks is null") {
    CHECK(view::event(record("paris", "verdict", "up", "down", "detect-timeout", "age_ms=151")) ==
          json{{"at", "2026-01-01T12:00:00.000Z"},
               {"adjacency", "paris"},
               {"event", "verdict"},
               {"from", "up"},
               {"to", "down"},
               {"cause", "detect-timeout"}});
    const auto host = view::event(record("", "stall", "", ""));
    for (const auto* key : {"adjacency", "from", "to", "cause"}) CHECK(host.at(key).is_null());
    CHECK(host.size() == 6);
}

TEST_CASE("an event as a person reads it") {
    const auto text = [](const control::Record& r) { return view::event_text(view::event(r)); };
    CHECK(text(record("paris", "verdict", "up", "down", "detect-timeout")) ==
          "2026-01-01T12:00:00.000Z  paris  verdict  up -> down  (detect-timeout)");
    CHECK(text(record("", "stall", "", "")) == "2026-01-01T12:00:00.000Z  -  stall");
    CHECK(text(record("paris", "peer", "", "removed")) == "2026-01-01T12:00:00.000Z  paris  peer  removed");
    CHECK(text(record("a\x1b[2J", "x", "", "")).find('\x1b') == std::string::npos);
    CHECK(view::event_text(json::object()) == "  -  ");
}

TEST_CASE("a line of the log has its keys in a fixed order, absent ones left out") {
    CHECK(view::log_line(record("paris", "verdict", "up", "down", "detect-timeout")) ==
          "verdict adjacency=paris from=up to=down cause=detect-timeout");
    CHECK(view::log_line(record("", "stall", "", "", "", "late_ms=200 sessions=3")) == "stall late_ms=200 sessions=3");
    CHECK(view::log_line(record("wg0/xTIBA5+/", "peer", "", "removed")) == "peer adjacency=wg0/xTIBA5+/ to=removed");
}

TEST_CASE("no name forges a key or a line of the log") {
    CHECK(view::log_line(record("a\nverdict to=up", "peer", "", "")) == "peer adjacency=\"a\\x0averdict to=up\"");
    CHECK(view::log_line(record("a\"b\\", "peer", "", "")) == "peer adjacency=\"a\\\"b\\\\\"");
    CHECK(view::log_line(record("a=b", "peer", "", "")) == "peer adjacency=\"a=b\"");
    CHECK(view::log_line(record("paris", "peer", "", "", "", "x=1\ny=2")) == "peer adjacency=paris x=1?y=2");
}

TEST_CASE("text is UTF-8 or becomes it") {
    for (const std::string good : {"", "paris", "zürich", "日本", "\xf0\x9f\x9a\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                   "\xe0\xa0\x80", "\xf4\x8f\xbf\xbf", "\xc2\x80"}) {
        CAPTURE(good);
        CHECK(view::clean(good) == good);
    }
    for (const std::string bad :
         {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xe2\x28\xa1"}) {
        const auto text = view::clean("a" + bad + "b");
        CAPTURE(text);
        CHECK(text.size() == bad.size() + 2);
        CHECK(text.find('?') != std::string::npos);
        CHECK_NOTHROW(static_cast<void>(json(text).dump()));
    }
}

TEST_CASE("width counts characters, not bytes") {
    CHECK(view::width("") == 0);
    CHECK(view::width("paris") == 5);
    CHECK(view::width("zürich") == 6);
}

namespace {

control::Record failover() {
    auto out = record("paris", "failover", "up", "down", "detect-timeout");
    control::Failover f;
    f.at = rows::noon;
    f.cause = policy::Cause::detect_timeout;
    f.prefixes = 2'100;
    f.moved = 2'000;
    f.withdrawn = 60;
    f.left = 40;
    f.first = std::chrono::microseconds{84'250};
    f.last = std::chrono::microseconds{1'310'400};
    f.to = {{"berlin", 1'500}, {"rome", 490}};
    f.elsewhere = 10;
    f.source = control::RouteSource::fpm;
    out.failover = f;
    return out;
}

}  // namespace

TEST_CASE("a failover has its report, and no other event has one") {
    const auto event = view::event(failover());
    CHECK(event.at("failover") == json{{"at", "2026-01-01T12:00:00.000Z"},
                                       {"verdict", "down"},
                                       {"cause", "detect-timeout"},
                                       {"prefixes", 2'100},
                                       {"moved", 2'000},
                                       {"withdrawn", 60},
                                       {"left", 40},
                                       {"first_us", 84'250},
                                       {"last_us", 1'310'400},
                                       {"to", {{"berlin", 1'500}, {"rome", 490}}},
                                       {"elsewhere", 10},
                                       {"source", "fpm"},
                                       {"exact", true}});
    auto nothing = failover();
    nothing.failover = control::Failover{};
    CHECK(view::event(nothing).at("failover").at("first_us").is_null());
    CHECK(view::event(nothing).at("failover").at("cause").is_null());
}

TEST_CASE("a failover as a person reads it, and in the log") {
    auto f = failover();
    CHECK(
        view::event_text(view::event(f)) ==
        "2026-01-01T12:00:00.000Z  paris  failover  up -> down  (detect-timeout)  2000 of 2100 prefixes moved (1500 to "
        "berlin, 490 to rome, 10 elsewhere), 60 withdrawn, 40 left, 84.2 to 1310 ms after the verdict");
    CHECK(view::log_line(f) ==
          "failover adjacency=paris from=up to=down cause=detect-timeout prefixes=2100 moved=2000 withdrawn=60 left=40 "
          "first_us=84250 last_us=1310400 source=fpm exact=yes");
    f.failover = control::Failover{};
    f.failover->prefixes = f.failover->left = 7;
    f.failover->exact = false;
    CHECK(view::event_text(view::event(f)).ends_with("0 of 7 prefixes moved, 7 left, not exact"));
    CHECK(view::log_line(f).ends_with("prefixes=7 moved=0 withdrawn=0 left=7 source=none exact=no"));
    f.failover->to = {{"a\x1b[2J", 1}};
    CHECK(view::event_text(view::event(f)).find('\x1b') == std::string::npos);
    for (const auto* odd :
         {R"({"event":"failover","failover":7})", R"({"failover":{"to":[1],"first_us":-1,"moved":"x"}})"})
        CHECK(!view::event_text(json::parse(odd)).empty());
}
