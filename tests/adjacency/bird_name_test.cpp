#include <doctest/doctest.h>

#include <string>

#include "adjacency/adjacency.hpp"

TEST_CASE("a name is BIRD's own: 63 characters are enough, 64 too many, and no quote ends it") {
    CHECK(adjacency::is_bird_name("paris"));
    CHECK(adjacency::is_bird_name("ber-lin.x:1_Z"));
    CHECK(adjacency::is_bird_name(std::string(63, 'x')));
    for (const auto& name : {std::string{}, std::string(64, 'x'), std::string{"a b"}, std::string{"a'b"},
                             std::string{"a\"b"}, std::string{"\xc3\xa9"}, std::string{"wg*"}}) {
        CAPTURE(name);
        CHECK_FALSE(adjacency::is_bird_name(name));
    }
}
