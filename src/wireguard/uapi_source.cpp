#include <net/if.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/stream_client.hpp"
#include "wireguard/source.hpp"
#include "wireguard/uapi.hpp"

namespace wireguard {
namespace {

// No device has an answer this long (a peer takes some 400 bytes): whoever sends more is no WireGuard.
constexpr std::size_t longest_answer = 64 * 1024 * 1024;

std::string explain(std::error_code why) {
    switch (why.value()) {
        case ECONNREFUSED:
            return "nobody listens: its WireGuard process has ended; start it again or remove the socket";
        case ENOENT: return "the socket is gone though the interface stands; restart its WireGuard process";
        case EACCES:
        case EPERM: return "permission denied: run wgbfd as root or with CAP_DAC_OVERRIDE";
        case EAGAIN: return "its WireGuard process accepts no connections; restart it";
        default: return why.message();
    }
}

class UapiSource final : public Source {
public:
    UapiSource(boost::asio::io_context& context, std::string path, OnAnswer on_answer)
        : context_{context}, path_{std::move(path)}, on_answer_{std::move(on_answer)} {}

    void look() override {
        parser_ = UapiParser{::if_nametoindex};
        received_ = 0;
        // A connection a look: nothing of an unfinished answer can reach the next one.
        client_.emplace(context_, io::StreamClient::Options{.path = path_, .first_retry = {}},
                        io::StreamClient::Handlers{
                            .connected = [this] { client_->send(std::as_bytes(std::span{request})); },
                            .received = [this](std::span<std::byte> in) { return take(in); },
                            .closed = [this](std::error_code why) { on_closed(why); },
                        });
    }
    void abandon() override { client_.reset(); }

private:
    static constexpr std::string_view request = "get=1\n\n";

    std::size_t take(std::span<std::byte> in) {
        const auto used = parser_.take({reinterpret_cast<const char*>(in.data()), in.size()});
        if (!used)
            finish(refuse(used.error()));
        else if (parser_.is_done())
            finish(parser_.take_device());
        else if ((received_ += *used) > longest_answer)
            finish(tl::unexpected{path_ + ": the answer does not end; is it a WireGuard process?"});
        return used.value_or(in.size());
    }
    void on_closed(std::error_code why) {
        finish(why ? tl::unexpected{path_ + ": " + explain(why)} : refuse(UapiRefusal::truncated));
    }
    Answer refuse(UapiRefusal why) const {
        return tl::unexpected{path_ + ": " + std::string{to_string(why)} +
                              "; is it the socket of a WireGuard process? restart that"};
    }
    void finish(Answer answer) {
        client_.reset();
        on_answer_(std::move(answer));
    }

    boost::asio::io_context& context_;
    std::string path_;
    OnAnswer on_answer_;
    UapiParser parser_;
    std::size_t received_ = 0;
    std::optional<io::StreamClient> client_;
};

}  // namespace

std::unique_ptr<Source> uapi_source(boost::asio::io_context& context, std::string path, OnAnswer on_answer) {
    return std::make_unique<UapiSource>(context, std::move(path), std::move(on_answer));
}

}  // namespace wireguard
