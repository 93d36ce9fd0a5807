#include "wireguard/endpoint_jobs.hpp"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "wireguard/device_session.hpp"
#include "wireguard/echo_socket.hpp"
#include "wireguard/endpoint_feed.hpp"
#include "wireguard/uapi.hpp"

namespace wireguard {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

int say(std::string_view text, int status = 0) {
    return ::write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? status : 1;
}

adjacency::PublicKey key_of(const std::string& text) {
    const auto key = adjacency::PublicKey::from_base64(text);
    if (!key) throw std::runtime_error{"no public key"};
    return *key;
}

base::Endpoint endpoint_of(const std::string& text) {
    const auto endpoint = parse_endpoint(text);
    if (!endpoint) throw std::runtime_error{"no endpoint: " + text};
    return *endpoint;
}

// "192.0.2.1:51820 192.0.2.5:51820"; what is no endpoint is left out.
std::vector<base::Endpoint> endpoints_of(const std::string& text) {
    std::vector<base::Endpoint> out;
    std::istringstream words{text};
    for (std::string word; words >> word;)
        if (const auto endpoint = parse_endpoint(word)) out.push_back(*endpoint);
    return out;
}

std::int64_t number_of(const std::string& text) {
    std::int64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

std::string nanoseconds(const std::optional<base::WallTime>& at) {
    return at ? std::to_string(at->time_since_epoch().count()) : "";
}

// The least of the answers' times to live; none: DNS does not know the name, though a file may.
std::optional<std::uint32_t> ttl_of(const std::string& name) {
    std::optional<std::uint32_t> least;
    for (const int type : {ns_t_a, ns_t_aaaa}) {
        std::array<unsigned char, 4096> answer{};
        const int length = ::res_search(name.c_str(), ns_c_in, type, answer.data(), answer.size());
        ns_msg message{};
        if (length <= 0 || ::ns_initparse(answer.data(), std::min<int>(length, answer.size()), &message) != 0) continue;
        for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
            ns_rr record{};
            if (::ns_parserr(&message, ns_s_an, i, &record) != 0) break;
            least = std::min(least.value_or(std::numeric_limits<std::uint32_t>::max()),
                             static_cast<std::uint32_t>(ns_rr_ttl(record)));
        }
    }
    return least;
}

std::optional<base::IpAddress> address_of(const addrinfo& info) {
    if (info.ai_family == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(info.ai_addr);
        return base::IpAddress::v4(std::as_bytes(std::span{&in->sin_addr, 1}).first<4>());
    }
    if (info.ai_family == AF_INET6) {
        const auto* in = reinterpret_cast<const sockaddr_in6*>(info.ai_addr);
        return base::IpAddress::v6(std::as_bytes(std::span{&in->sin6_addr, 1}).first<16>());
    }
    return std::nullopt;
}

// A trial: for half the window everything goes there, whatever the packets that are still under way from the other end
// make WireGuard believe; in the other half an echo must come back from there.
class Trial {
public:
    Trial(const TrialOrder& order) : order_{order}, device_{open_device(order.interface)} {
        const auto peer = device_->read(order.peer);
        if (!peer || !peer->endpoint) throw std::runtime_error{"the peer is gone"};
        before_ = after_ = *peer;
        after_.endpoint = order.to;
    }
    bool run() try {
        EchoSocket echo{order_.interface, order_.remote};
        if (!answers(echo, order_.window / 4)) throw std::runtime_error{"the peer answers no echo request in time"};
        const auto begun = Clock::now();
        while (Clock::now() < begun + order_.window / 2) {
            tried_ = true;
            device_->keep(after_);
            if (answers(echo, 2ms) && is_there()) return true;
        }
        if (answers(echo, order_.window / 2) && is_there()) return true;
        device_->keep(before_);
        return false;
    } catch (...) {
        if (tried_) device_->keep(before_);
        throw;
    }

private:
    static bool answers(EchoSocket& echo, base::Duration within) {
        echo.send();
        return echo.receive(within);
    }
    // What was heard last came from there: WireGuard itself would have moved back otherwise.
    bool is_there() {
        const auto now = device_->read(order_.peer);
        return now && now->endpoint == order_.to;
    }

    TrialOrder order_;
    std::unique_ptr<DeviceSession> device_;
    adjacency::Peer before_, after_;
    bool tried_ = false;  // it may stand at after_
};

}  // namespace

std::vector<std::string> to_words(const ChangeOrder& order) {
    return {order.interface,
            to_base64(order.peer),
            to_string(order.to),
            order.fresh ? "fresh" : "keep",
            nanoseconds(order.seen_handshake),
            order.seen_allowed};
}

std::string fingerprint(std::span<const base::Prefix> allowed_ips) {
    std::uint64_t sum = 0;
    for (const auto& prefix : allowed_ips) {
        auto h = std::uint64_t{std::hash<base::IpAddress>{}(prefix.address)} + prefix.length * 0x9e3779b97f4a7c15U;
        h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9U;  // mixed well, or the sum would tell less
        h = (h ^ (h >> 27)) * 0x94d049bb133111ebU;
        sum += h ^ (h >> 31);
    }
    return std::to_string(allowed_ips.size()) + "/" + std::to_string(sum);
}

std::string carry_out(DeviceSession& device, std::span<const std::string> words) {
    auto peer = device.read(key_of(words[1]));
    if (!peer) throw std::runtime_error{"the peer is gone"};
    peer->endpoint = endpoint_of(words[2]);
    if (words[3] == "keep") {
        device.keep(*peer);
        return did;
    }
    if (nanoseconds(peer->latest_handshake) != words[4]) return left;
    if (fingerprint(peer->allowed_ips) != words[5])
        throw std::runtime_error{"its allowed-ips have just changed: it is left as it is until they are read again"};
    device.fresh(*peer);
    return did;
}

int run_change(std::span<const std::string> words) {
    if (words.size() != 6) return 2;
    return say(carry_out(*open_device(words[0]), words));
}

std::vector<std::string> to_words(const TrialOrder& order) {
    return {order.interface, to_base64(order.peer), to_string(order.to), to_string(order.remote),
            std::to_string(order.window.count())};
}

int run_trial(std::span<const std::string> words) {
    if (words.size() != 5) return 2;
    const auto remote = base::IpAddress::parse(words[3]);
    if (!remote) throw std::runtime_error{"the peer's tunnel address is not known"};
    Trial trial{{words[0], key_of(words[1]), endpoint_of(words[2]), *remote, base::Duration{number_of(words[4])}}};
    return say(trial.run() ? did : left);
}

int run_revert(std::span<const std::string> words) {
    if (words.size() != 3) return 2;
    const auto reverted = revert_endpoint({endpoint_feed, words[0], words[1], words[2]});
    if (!reverted) throw std::runtime_error{reverted.error()};
    return say(*reverted ? did : left);
}

int run_resolve(std::span<const std::string> words) {
    if (words.size() != 1) return 2;
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* list = nullptr;
    if (const int error = ::getaddrinfo(words[0].c_str(), nullptr, &hints, &list); error != 0)
        throw std::runtime_error{::gai_strerror(error)};
    std::string out;
    for (const auto* info = list; info != nullptr; info = info->ai_next)
        if (const auto address = address_of(*info)) out += to_string(*address) + "\n";
    ::freeaddrinfo(list);
    // The addresses first: a resolver that hangs at the second question still has answered the first.
    if (say(out) != 0) return 1;
    if (const auto ttl = ttl_of(words[0])) return say("ttl " + std::to_string(*ttl) + "\n");
    return 0;
}

base::Result<bool, std::string> revert_endpoint(const io::UndoRecord& record) {
    const auto space = record.subject.find(' ');
    const auto key = space == std::string::npos
                         ? std::nullopt
                         : adjacency::PublicKey::from_base64(std::string_view{record.subject}.substr(space + 1));
    const auto ours = endpoints_of(record.ours);
    if (!key || ours.empty()) return tl::unexpected{std::string{"not a record of this feed"}};
    const auto before = parse_endpoint(record.before);  // none: there was none
    try {
        const auto device = open_device(record.subject.substr(0, space));
        auto peer = device->read(*key);
        if (!peer || !peer->endpoint || std::ranges::find(ours, *peer->endpoint) == ours.end()) return false;
        peer->endpoint = before;
        if (before)
            device->keep(*peer);
        else
            device->fresh(*peer);
        return true;
    } catch (const std::system_error& error) {
        if (error.code() == std::errc::no_such_device || error.code() == std::errc::no_such_file_or_directory)
            return false;
        return tl::unexpected{std::string{error.what()}};
    } catch (const std::runtime_error& error) {
        return tl::unexpected{std::string{error.what()}};
    }
}

}  // namespace wireguard
