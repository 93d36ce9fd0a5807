#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <string.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "io/fd_watch.hpp"
#include "io/netlink.hpp"
#include "wireguard/genetlink.hpp"
#include "wireguard/source.hpp"

namespace wireguard {
namespace {

std::string explain(const std::error_code& why) {
    if (why == std::errc::operation_not_permitted || why == std::errc::permission_denied)
        return "generic netlink: permission denied: run wgbfd as root or with CAP_NET_ADMIN";
    if (why == std::errc::no_such_file_or_directory)
        return "generic netlink: the kernel has no WireGuard: modprobe wireguard";
    return "generic netlink: " + why.message();
}

std::uint16_t look_up_family(const io::NetlinkSocket& socket) {
    const auto request = io::make_request(GENL_ID_CTRL, 0, genlmsghdr{CTRL_CMD_GETFAMILY, 1, 0});
    io::put(request, CTRL_ATTR_FAMILY_NAME, std::as_bytes(std::span{WG_GENL_NAME}));
    std::optional<std::uint16_t> id;
    if (const auto error =
            io::transact(socket, request, [&](const io::NetlinkMessage& reply) { id = family_id(reply.payload); }))
        throw std::system_error{error, "CTRL_CMD_GETFAMILY"};
    if (!id) throw std::system_error{ENOENT, std::generic_category(), "CTRL_CMD_GETFAMILY"};
    return *id;
}

class GenetlinkSource final : public Source {
public:
    GenetlinkSource(boost::asio::io_context& context, base::IfIndex index, OnAnswer on_answer)
        : context_{context}, index_{index}, on_answer_{std::move(on_answer)}, buffer_(io::netlink_buffer) {}
    ~GenetlinkSource() override { ::explicit_bzero(buffer_.data(), buffer_.size()); }

    void look() override {
        try {
            open();
            ask();
        } catch (const std::system_error& error) {
            abandon();
            on_answer_(tl::unexpected{explain(error.code())});
        }
    }
    // The kernel may still be dumping into the socket and would refuse another dump with EBUSY.
    void abandon() override {
        watch_.reset();
        socket_.reset();
    }

private:
    void open() {
        if (socket_) return;
        socket_ = io::open_netlink(NETLINK_GENERIC);
        family_ = look_up_family(socket_);
        watch_.emplace(context_, io::fd_of(socket_), [this] { on_readable(); });
    }
    void ask() {
        dump_ = {};
        interrupted_ = false;
        const auto request = io::make_request(family_, NLM_F_DUMP, genlmsghdr{WG_CMD_GET_DEVICE, WG_GENL_VERSION, 0});
        io::put_number(request, WGDEVICE_A_IFINDEX, index_.value);
        sequence_ = io::send_request(socket_, request);
    }
    // One datagram a turn: reading it makes the kernel build the next.
    void on_readable() {
        const auto datagram = io::receive(socket_, buffer_);
        if (!datagram) {
            if (datagram.error() != std::errc::operation_would_block) fail(explain(datagram.error()));
            return;
        }
        std::optional<Answer> answer;
        auto rest = *datagram;
        while (const auto message = io::next_message(rest)) {
            if (message->sequence != sequence_ || answer) continue;
            answer = take(*message);
        }
        ::explicit_bzero(buffer_.data(), datagram->size());
        if (!answer) return;
        if (!*answer) return fail(std::move(*answer).error());
        sequence_ = 0;
        if (!interrupted_) return on_answer_(*std::move(answer));
        look();  // the device changed while it was dumped
    }
    // None while the dump goes on.
    std::optional<Answer> take(const io::NetlinkMessage& message) {
        if ((message.flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;
        if (message.type == NLMSG_ERROR || message.type == NLMSG_DONE) {
            if (const int error = io::errno_of(message); error != 0)
                return tl::unexpected{explain({error, std::generic_category()})};
            return dump_.take_device();
        }
        if (message.type != family_) return std::nullopt;
        if (const auto refused = dump_.take(message.payload))
            return tl::unexpected{"generic netlink: " + std::string{to_string(*refused)} +
                                  "; report this with the kernel's version"};
        return std::nullopt;
    }
    void fail(std::string why) {
        abandon();
        on_answer_(tl::unexpected{std::move(why)});
    }

    boost::asio::io_context& context_;
    base::IfIndex index_;
    OnAnswer on_answer_;
    std::vector<std::byte> buffer_;
    io::NetlinkSocket socket_;
    std::optional<io::FdWatch> watch_;  // after the socket: it goes first
    std::uint16_t family_ = 0;
    std::uint32_t sequence_ = 0;
    DeviceDump dump_;
    bool interrupted_ = false;
};

}  // namespace

std::unique_ptr<Source> genetlink_source(boost::asio::io_context& context, base::IfIndex index, OnAnswer on_answer) {
    return std::make_unique<GenetlinkSource>(context, index, std::move(on_answer));
}

}  // namespace wireguard
