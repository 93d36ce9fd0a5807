// What FRR 8.4.4 printed, from tests/frr/vectors.
#pragma once

#include <fstream>
#include <iterator>
#include <string>

#include <doctest/doctest.h>

namespace test {

inline std::string vector(const std::string& name) {
    std::ifstream in{WGBFD_VECTORS "/" + name};
    REQUIRE(in);
    return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace test
