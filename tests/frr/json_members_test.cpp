#include "frr/json_members.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

struct Read {
    Members members;
    bool bad = false;
};

Read read(std::string_view text) {
    frr::JsonMembers members{text};
    Read out;
    while (const auto member = members.next()) out.members.emplace_back(member->name, member->value);
    CHECK_FALSE(members.next().has_value());
    out.bad = members.bad();
    return out;
}

}  // namespace

TEST_CASE("the members of an object come one at a time, in their order, as they are written") {
    const auto out =
        read(" {\n \"a\":{\"x\":[1,{}]}, \"b\" : [\"}\"] ,\"c\":\"d\\\"},{\",\"e\":-1.5e3,\"f\":null}\n\n");
    CHECK_FALSE(out.bad);
    CHECK(out.members ==
          Members{{"a", "{\"x\":[1,{}]}"}, {"b", "[\"}\"]"}, {"c", "\"d\\\"},{\""}, {"e", "-1.5e3"}, {"f", "null"}});
}

TEST_CASE("an object without members has none, and is no mistake") {
    CHECK(read("{}").members.empty());
    CHECK_FALSE(read("{ \n}").bad);
}

TEST_CASE("what is no object, or is cut off, is a mistake after the members before it") {
    for (const auto* text : {"", "[]", "1", "{", "{\"a\"", "{\"a\":", "{\"a\":}", "{\"a\":{", "{\"a\":\"x", "{\"a\" 1}",
                             "{a:1}", "{,}", "{}x", "{\"a\":1"})
        CHECK_MESSAGE(read(text).bad, text);
    const auto cut = read(R"({"a":1,"b":{"c":)");
    CHECK(cut.bad);
    CHECK(cut.members == Members{{"a", "1"}});
    CHECK(read(R"({"a":1 "b":2})").members == Members{{"a", "1"}});
}
