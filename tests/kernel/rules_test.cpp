#include "kernel/rules.hpp"

#include <doctest/doctest.h>
#include <linux/fib_rules.h>

#include "support/netlink_bytes.hpp"
#include "support/private_net.hpp"

using namespace support;

namespace {

Buffer header(std::uint8_t table, std::uint8_t action = FR_ACT_TO_TBL) {
    fib_rule_hdr out{};
    out.table = table;
    out.action = action;
    return raw(out);
}

}  // namespace

TEST_CASE("a rule names its table in eight bits or in thirty-two; one that looks none up has none") {
    CHECK(kernel::decode_rule_table(header(254)) == 254U);
    CHECK(kernel::decode_rule_table(header(252) + attribute(FRA_TABLE, raw(std::uint32_t{4242}))) == 4242U);
    CHECK(kernel::decode_rule_table(header(0xff) + attribute(FRA_TABLE, raw(std::uint32_t{0xffffffff}))) ==
          0xffffffffU);
    CHECK_FALSE(kernel::decode_rule_table(header(254, FR_ACT_UNREACHABLE)));
    CHECK_FALSE(kernel::decode_rule_table(header(0)));
    const auto whole = header(252) + attribute(FRA_TABLE, raw(std::uint32_t{4242}));
    for (std::size_t n = 0; n < sizeof(fib_rule_hdr); ++n)
        CHECK_FALSE(kernel::decode_rule_table(Buffer{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)}));
}

TEST_CASE("the rules of a host are those of both families" * doctest::skip(!is_root())) {
    const PrivateNet net;
    CHECK(kernel::tables_of_rules().value() == std::set<std::uint32_t>{253, 254, 255});
    sh("ip rule add to 10.0.0.0/8 table 4242 && ip -6 rule add to fd00::/8 table 77 && ip rule add to 10.9.0.0/16 "
       "unreachable");
    CHECK(kernel::tables_of_rules().value() == std::set<std::uint32_t>{77, 253, 254, 255, 4242});
}
