#include "bird/reply.hpp"

#include <doctest/doctest.h>

#include "captures.hpp"

using namespace bird;

namespace {

std::vector<Reply> read(std::string_view text, std::size_t piece = 1'000'000) {
    ReplyReader reader;
    std::vector<Reply> out;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        REQUIRE(reader.feed(text.substr(at, piece)));
        while (auto reply = reader.next()) out.push_back(*std::move(reply));
    }
    return out;
}

Reply one(std::string_view text) {
    const auto all = read(text);
    REQUIRE(all.size() == 1);
    return all[0];
}

}  // namespace

TEST_CASE("a reply ends with the line whose code is followed by a space; lines between inherit their code") {
    const auto reply = one(captures::show_disabled);
    CHECK(reply.code() == 0);
    CHECK(reply.ok());
    REQUIRE(reply.lines.size() == 13);
    CHECK(reply.lines[1] == Line{1002, "paris      BGP        ---        down   06:58:55.645  "});
    CHECK(reply.lines[2] == Line{1006, "  Message:        wgbfd: paris down (detect-timeout)"});
    CHECK(reply.lines[3] == Line{1006, "  BGP state:          Down"});
    CHECK(reply.lines.back() == Line{0, ""});
}

TEST_CASE("replies cut at any byte are the same replies, and several in one piece are several") {
    const auto text =
        std::string{captures::greeting} + captures::show_all + captures::disabled + captures::unknown_name;
    const auto whole = read(text);
    REQUIRE(whole.size() == 4);
    for (std::size_t piece = 1; piece < 40; ++piece) CHECK(read(text, piece) == whole);
}

TEST_CASE("asynchronous lines may come before, within and after a reply, and belong to none") {
    ReplyReader reader;
    REQUIRE(reader.feed("+bird: one\n0002-Reading configuration\n+bird: two\n0003 Reconfigured\n+bird: three\n"));
    const auto reply = reader.next();
    REQUIRE(reply);
    CHECK(reply->lines == std::vector<Line>{{2, "Reading configuration"}, {3, "Reconfigured"}});
    CHECK(reader.next_async() == "bird: one");
    CHECK(reader.next_async() == "bird: two");
    CHECK(reader.next_async() == "bird: three");
    CHECK_FALSE(reader.next_async());
}

TEST_CASE("0003, 0004 and 0005 are success; 8xxx and 9xxx are errors, also above a last line without one") {
    CHECK(one(captures::reconfigured).ok());
    CHECK(one("0002-Reading configuration from bird.conf\n0004 Reconfiguration in progress\n").ok());
    CHECK(one("0002-Reading configuration from bird.conf\n0005 Reconfiguration already in progress, queueing new "
              "config\n")
              .ok());
    CHECK(one("7999 x\n").ok());
    CHECK_FALSE(one("8000 x\n").ok());
    CHECK_FALSE(one(captures::unknown_name).ok());
    CHECK(one(captures::unknown_pattern).error() == "No protocols match");
    CHECK(one(captures::restricted).error() == "Access denied");
    const auto inner = one("8006-paris: reload failed\n0000 \n");
    CHECK_FALSE(inner.ok());
    CHECK(inner.error() == "paris: reload failed");
    CHECK(one(captures::disabled).error().empty());
}

TEST_CASE("the greeting tells the version; what is no greeting tells none") {
    CHECK(parse_greeting(one(captures::greeting)) == Version{2, 0, 12});
    CHECK(parse_greeting(one(captures::facts_greeting_2_19)) == Version{2, 19, 2});
    CHECK(parse_greeting(one(captures::facts_greeting_3)) == Version{3, 3, 2});
    CHECK(parse_greeting(one("0001 BIRD 2.15 ready.\n")) == Version{2, 15, 0});
    CHECK(parse_greeting(one("0001 BIRD v3.3.2+branch.mq ready.\n")) == Version{3, 3, 2});
    for (const auto* text : {"0000 \n", "0001 BIRD ready.\n", "0001 bfdd 8.4.4\n", "0013 BIRD 2.0.12 ready.\n"})
        CHECK_FALSE(parse_greeting(one(text)));
}

TEST_CASE("what is not BIRD's language ends the reading") {
    for (const auto* text : {"HTTP/1.1 400\n", "12 x\n", "0001\n", "0001:x\n", "00a1 x\n", "\n", " no code before\n"}) {
        CAPTURE(text);
        CHECK_FALSE(ReplyReader{}.feed(text));
    }
    CHECK(ReplyReader{}.feed("0001 \n"));
    ReplyReader reader;
    const std::string endless(1'000'000, 'x');
    bool well = true;
    for (int i = 0; i < 20 && well; ++i) well = reader.feed(endless);
    CHECK_FALSE(well);
}

TEST_CASE("a code that BIRD wrote last is left out at the start of the next reply too") {
    const auto all = read("0009 x\n y\n0000 \n");
    REQUIRE(all.size() == 2);
    CHECK(all[1].lines[0] == Line{9, "y"});
}

TEST_CASE("commands quote the name; only reload differs between BIRD 2 and 3") {
    CHECK(show_protocol("ber-lin.x") == "show protocols all 'ber-lin.x'");
    CHECK(enable("paris") == "enable 'paris'");
    CHECK(disable("paris", "wgbfd: paris down (one-way)") == "disable 'paris' \"wgbfd: paris down (one-way)\"");
    CHECK(reload_in({2, 19, 2}, "paris") == "reload in 'paris'");
    CHECK(reload_in({3, 0, 0}, "paris") == "reload filters in 'paris'");
}

TEST_CASE("a message cannot leave its quotes, and fits BGP's shutdown communication") {
    CHECK(clean_message("a\"; down\nb\x80\\") == "a?; down?b??");
    CHECK(clean_message("x ") == "x");
    CHECK(clean_message(std::string(500, 'x')).size() == 128);
    CHECK(disable("p", "\"").find('"') == std::string("disable 'p' ").size());
}
