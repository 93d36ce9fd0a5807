#include "bird/protocols.hpp"

#include <doctest/doctest.h>

#include "captures.hpp"

using namespace bird;

namespace {

Reply reply_of(std::string_view text) {
    ReplyReader reader;
    REQUIRE(reader.feed(text));
    return reader.next().value();
}

}  // namespace

TEST_CASE("show protocols tells name, kind and state of each") {
    const auto all = parse_protocols(reply_of(captures::show_all));
    REQUIRE(all.size() == 7);
    CHECK(all[0] == Protocol{"device1", "Device", "up", ""});
    CHECK(all[5] == Protocol{"paris", "BGP", "start", ""});
    CHECK(all[6].name == "ber-lin.x");
}

TEST_CASE("a protocol that was disabled tells the message; one that is enabled has none") {
    const auto down = find_protocol(reply_of(captures::show_disabled), "paris");
    CHECK(down == Protocol{"paris", "BGP", "down", "wgbfd: paris down (detect-timeout)"});
    CHECK_FALSE(down->is_enabled());
    const auto idle = find_protocol(reply_of(captures::show_enabled), "paris");
    CHECK(idle == Protocol{"paris", "BGP", "start", ""});
    CHECK(idle->is_enabled());
    CHECK_FALSE(find_protocol(reply_of(captures::show_enabled), "pari"));
}

TEST_CASE("BIRD 3's table, from documentation: names count, not places") {
    const auto reply = reply_of(captures::facts_show_3);
    CHECK(find_protocol(reply, "paris") == Protocol{"paris", "BGP", "up", ""});
    CHECK(parse_protocols(reply_of("2002-State Name Since Proto\n1002-up paris 10:00 BGP\n0000 \n")) ==
          std::vector{Protocol{"paris", "BGP", "up", ""}});
}

TEST_CASE("lines that are short, and messages of nobody, are skipped") {
    CHECK(parse_protocols(reply_of("1002-\n paris BGP\n1006-  Message: x\n0000 \n")).empty());
    CHECK(parse_protocols(reply_of("0000 \n")).empty());
}
