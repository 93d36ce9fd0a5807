#include "bird/include_file.hpp"

#include <doctest/doctest.h>

using namespace bird;

namespace {

const Defines two{{"wgbfd_paris_up", "false", "true"}, {"wgbfd_paris_cost", "65535", "10"}};

}  // namespace

TEST_CASE("the file is read back as it was written, and names its content") {
    const auto text = render(two);
    CHECK(text.find("\ndefine wgbfd_paris_up = false;  # at rest: true\n") != std::string::npos);
    CHECK(text.find("\ndefine wgbfd_content = " + std::to_string(content_of(two)) + ";\n") != std::string::npos);
    CHECK(parse_defines(text) == two);
    CHECK(parse_defines(render({})) == Defines{});
    CHECK(is_ours(text));
}

TEST_CASE("the content differs where a name or a value does, and not for what holds at rest") {
    auto other = two;
    other[0].value = "true";
    CHECK(content_of(other) != content_of(two));
    other = two;
    other[1].name += "s";
    CHECK(content_of(other) != content_of(two));
    other = two;
    other[1].at_rest = "20";
    CHECK(content_of(other) == content_of(two));
    CHECK(content_of({}) != content_of(two));
}

TEST_CASE("whoever finds the file can put it at rest") {
    CHECK_FALSE(is_at_rest(two));
    const auto rest = put_at_rest(two);
    CHECK(is_at_rest(rest));
    CHECK(rest[0].value == "true");
    CHECK(rest[1].value == "10");
    CHECK(is_at_rest({}));
}

TEST_CASE("what is configured no more stays behind the rest, at rest") {
    const Defines now{{"wgbfd_berlin_up", "false", "true"}};
    const auto all = with_leftovers(now, two);
    REQUIRE(all.size() == 3);
    CHECK(all[0] == now[0]);
    CHECK(all[1] == Define{"wgbfd_paris_up", "true", "true"});
    CHECK(with_leftovers(now, now) == now);
}

TEST_CASE("a file that is somebody else's is none of ours; an empty one is free; a damaged one is to be written anew") {
    CHECK(is_ours(""));
    CHECK(is_ours(" \n\n"));
    CHECK_FALSE(is_ours("router id 10.0.0.1;\n"));
    CHECK_FALSE(is_ours("# a comment\n" + render(two)));
    CHECK_FALSE(parse_defines(""));
    CHECK_FALSE(parse_defines("router id 10.0.0.1;\n"));
    const auto good = render(two);
    for (const std::string line :
         {"define wgbfd_x = ;", "define wgbfd_x = 1", "define x = 1;", "define wgbfd_x = maybe;", "wgbfd_x = 1;",
          "define wgbfd_x = 12345678901;", "define wgbfd_x = 1;  # at rest: ", "define wgbfd_x = 1; # at rest: 1",
          "define wgbfd_paris_up = true;", "define wgbfd_a-b = 1;", "define wgbfd_x = 1;  # at rest: 1;"}) {
        CAPTURE(line);
        CHECK_FALSE(parse_defines(good + line + "\n"));
        CHECK(is_ours(good + line));
    }
    CHECK(parse_defines(good + "define wgbfd_x = 1;\n")->back() == Define{"wgbfd_x", "1", "1"});
    CHECK(parse_defines(good + "# a remark\n\n") == two);
}
