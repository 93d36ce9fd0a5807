#include "wireguard/device_session.hpp"

#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "io/netlink.hpp"
#include "wireguard/devices.hpp"
#include "wireguard/genetlink.hpp"
#include "wireguard/uapi.hpp"
#include "wireguard/waiting_calls.hpp"

namespace wireguard {
namespace {

constexpr int attempts_to_add = 3;  // a peer that was removed must come back

[[noreturn]] void fail(int error, const char* what) { throw std::system_error{error, std::generic_category(), what}; }

std::optional<adjacency::Peer> find_peer(adjacency::Device device, const adjacency::PublicKey& key) {
    const auto at = std::ranges::find(device.peers, key, &adjacency::Peer::key);
    if (at == device.peers.end()) return std::nullopt;
    return std::move(*at);
}

class KernelSession final : public DeviceSession {
public:
    explicit KernelSession(std::string interface)
        : interface_{std::move(interface)}, socket_{io::open_netlink(NETLINK_GENERIC)}, buffer_(io::netlink_buffer) {
        const auto request = io::make_request(GENL_ID_CTRL, 0, genlmsghdr{CTRL_CMD_GETFAMILY, 1, 0});
        io::put(request, CTRL_ATTR_FAMILY_NAME, std::as_bytes(std::span{WG_GENL_NAME}));
        std::optional<std::uint16_t> id;
        if (const auto error =
                io::transact(socket_, request, [&](const io::NetlinkMessage& m) { id = family_id(m.payload); }))
            throw std::system_error{error, "WireGuard of the kernel"};
        if (!id) fail(ENOENT, "WireGuard of the kernel");
        family_ = *id;
        static_cast<void>(read({}));  // is it one of its devices?
    }
    ~KernelSession() override { wipe(); }

    std::optional<adjacency::Peer> read(const adjacency::PublicKey& key) override {
        bool again = false;
        const auto ask = [&] {
            if (std::exchange(again, true)) ::usleep(10'000);  // whoever changes it is not done yet
            const auto request =
                io::make_request(family_, NLM_F_DUMP, genlmsghdr{WG_CMD_GET_DEVICE, WG_GENL_VERSION, 0});
            io::put(request, WGDEVICE_A_IFNAME, std::as_bytes(std::span{interface_.c_str(), interface_.size() + 1}));
            return io::send_request(socket_, request);
        };
        const auto on_payload = [&](base::Bytes payload) {
            if (auto psk = preshared_key(payload, key)) psk_ = *psk;
        };
        return find_peer(dump_whole(family_, {ask, [this] { return wait(); }, on_payload}), key);
    }
    void keep(const adjacency::Peer& peer) override {
        const auto message = compose_keep(family_, interface_, peer);
        if (const int error = send(std::span{&message, 1})) fail(error, "WG_CMD_SET_DEVICE");
    }
    void fresh(const adjacency::Peer& peer) override {
        int error = 0;
        for (int attempt = 0; attempt < attempts_to_add; ++attempt) {
            auto messages = compose_fresh(family_, interface_, peer, psk_);
            error = send(messages);
            for (auto& message : messages) ::explicit_bzero(message.data(), message.size());
            if (error == 0) break;
        }
        wipe();
        if (error != 0) fail(error, "WG_CMD_SET_DEVICE");
    }

private:
    void wipe() { ::explicit_bzero(psk_.data(), psk_.size()); }
    std::span<std::byte> wait() {
        for (int waited = 0; waited < 1'000; ++waited) {  // ms
            const auto datagram = io::receive(socket_, buffer_);
            if (datagram) return std::span{buffer_}.first(datagram->size());
            if (datagram.error() != std::errc::operation_would_block)
                throw std::system_error{datagram.error(), "generic netlink"};
            ::usleep(1'000);
        }
        fail(ETIMEDOUT, "generic netlink");
    }
    int send(std::span<const std::vector<std::byte>> messages) {
        return send_whole(io::fd_of(socket_), messages, [this] { return wait(); });
    }

    std::string interface_;
    io::NetlinkSocket socket_;
    std::vector<std::byte> buffer_;
    std::uint16_t family_ = 0;
    PresharedKey psk_{};
};

class UapiSession final : public DeviceSession {
public:
    explicit UapiSession(std::string path) : path_{std::move(path)} { connect(); }
    ~UapiSession() override { wipe(); }

    std::optional<adjacency::Peer> read(const adjacency::PublicKey& key) override {
        auto answer = ask("get=1\n\n");
        const auto device = parse_uapi(answer, ::if_nametoindex);
        if (const auto psk = preshared_key(answer, key)) psk_ = *psk;
        ::explicit_bzero(answer.data(), answer.size());
        if (!device) throw std::runtime_error{path_ + ": " + std::string{to_string(device.error())}};
        return find_peer(*device, key);
    }
    void keep(const adjacency::Peer& peer) override { set(compose_keep(peer)); }
    void fresh(const adjacency::Peer& peer) override {
        auto request = compose_fresh(peer, psk_);
        wipe();
        set(request);
        ::explicit_bzero(request.data(), request.size());
    }

private:
    void wipe() { ::explicit_bzero(psk_.data(), psk_.size()); }
    base::UniqueFd connect() const {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path_.size() >= sizeof address.sun_path) fail(ENAMETOOLONG, path_.c_str());
        std::memcpy(address.sun_path, path_.data(), path_.size());
        base::UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const timeval limit{2, 0};
        if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
            ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            fail(errno, path_.c_str());
        return fd;
    }
    std::string ask(std::string_view request) const {
        const auto fd = connect();
        if (!send_whole(fd.get(), request)) fail(errno, path_.c_str());
        std::string answer;
        answer.reserve(1024 * 1024);  // no copy of a key is left
        std::array<char, 16 * 1024> block{};
        while (!answer.ends_with("\n\n")) {
            const auto n = ::recv(fd.get(), block.data(), block.size(), 0);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) fail(errno, path_.c_str());
            if (n == 0) break;
            answer.append(block.data(), static_cast<std::size_t>(n));
        }
        ::explicit_bzero(block.data(), block.size());
        return answer;
    }
    void set(std::string_view request) const {
        if (const auto answer = ask(request); !answer.starts_with("errno=0\n"))
            throw std::runtime_error{path_ + " refuses: " + answer.substr(0, answer.find('\n'))};
    }

    std::string path_;
    PresharedKey psk_{};
};

}  // namespace

std::unique_ptr<DeviceSession> open_device(const std::string& interface) {
    const auto path = std::string{Devices::default_uapi_folder} + "/" + interface + ".sock";
    try {
        return std::make_unique<KernelSession>(interface);
    } catch (const std::system_error&) {  // no WireGuard in the kernel, or a tun device
        if (::access(path.c_str(), F_OK) != 0) throw;
    }
    return std::make_unique<UapiSession>(path);
}

}  // namespace wireguard
