#include "kernel/rules.hpp"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "io/netlink.hpp"

namespace kernel {

std::optional<std::uint32_t> decode_rule_table(base::Bytes payload) {
    const auto header = io::leading<fib_rule_hdr>(payload);
    if (!header || header->action != FR_ACT_TO_TBL) return std::nullopt;
    payload = io::skip_aligned(payload, sizeof(fib_rule_hdr));
    std::uint32_t table = header->table;
    while (const auto a = io::next_attribute(payload))
        if (a->type == FRA_TABLE) table = io::leading<std::uint32_t>(a->value).value_or(table);
    return table == 0 ? std::nullopt : std::optional{table};
}

std::error_code read_rules(const std::function<void(base::Bytes)>& visit) try {
    const auto socket = io::open_netlink(NETLINK_ROUTE);
    for (const int family : {AF_INET, AF_INET6}) {
        fib_rule_hdr header{};
        header.family = static_cast<unsigned char>(family);
        const auto request = io::make_request(RTM_GETRULE, NLM_F_DUMP, header);
        const auto error = io::transact(socket, request, [&](const io::NetlinkMessage& reply) {
            if (reply.type == RTM_NEWRULE) visit(reply.payload);
        });
        if (error && error != std::errc::address_family_not_supported) return error;
    }
    return {};
} catch (const std::system_error& error) {
    return error.code();
}

base::Result<std::set<std::uint32_t>, std::error_code> tables_of_rules() {
    std::set<std::uint32_t> out;
    const auto error = read_rules([&](base::Bytes rule) {
        if (const auto table = decode_rule_table(rule)) out.insert(*table);
    });
    if (error) return tl::unexpected{error};
    return out;
}

}  // namespace kernel
