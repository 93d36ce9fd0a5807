#include "cli/client.hpp"

#include <sys/un.h>

#include <cerrno>
#include <istream>
#include <optional>
#include <stdexcept>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

namespace cli {
namespace {

using boost::asio::local::stream_protocol;

class Connection {
public:
    explicit Connection(const wgbfd::RunDir& run_dir) : path_{run_dir.control_socket().string()}, socket_{context_} {
        const auto& path = path_;
        if (path.size() >= sizeof(sockaddr_un::sun_path))
            throw std::runtime_error{path + " is too long for a socket: give a shorter --run-dir"};
        boost::system::error_code error;
        socket_.connect(stream_protocol::endpoint{path}, error);
        if (!error) return;
        if (error.value() == EACCES) throw std::runtime_error{"permission denied on " + path + ": run this as root"};
        throw std::runtime_error{"no daemon answers at " + path + ": start 'wgbfd run', or name its --run-dir"};
    }

    void send(const nlohmann::json& request) {
        boost::system::error_code error;
        boost::asio::write(socket_, boost::asio::buffer(request.dump() + "\n"), error);
        if (error) throw std::runtime_error{"the daemon closed the connection: " + error.message()};
    }

    // The next object; false when the daemon has closed the connection. `within`: it hangs when it takes longer.
    bool receive(nlohmann::json& out, std::optional<std::chrono::milliseconds> within = std::nullopt) {
        std::optional<boost::system::error_code> ended;
        boost::asio::async_read_until(socket_, buffer_, '\n',
                                      [&](const boost::system::error_code& error, std::size_t) { ended = error; });
        context_.restart();
        within ? context_.run_for(*within) : context_.run();
        if (!ended) {
            boost::system::error_code ignored;
            socket_.close(ignored);
            context_.run();  // the read that is called off still uses the buffer
            throw std::runtime_error{"the daemon at " + path_ +
                                     " does not answer, it hangs: 'wgbfd doctor' names its process; end that and start "
                                     "'wgbfd run' again"};
        }
        if (*ended) return false;
        std::istream in{&buffer_};
        std::string line;
        std::getline(in, line);
        out = nlohmann::json::parse(line, nullptr, false);
        return !out.is_discarded();
    }

private:
    std::string path_;
    boost::asio::io_context context_;
    stream_protocol::socket socket_;
    boost::asio::streambuf buffer_;
};

nlohmann::json result_of(Connection& connection, const nlohmann::json& request, std::chrono::milliseconds within) {
    connection.send(request);
    nlohmann::json answer;
    if (!connection.receive(answer, within))
        throw std::runtime_error{"the daemon closed the connection without an answer"};
    if (!answer.value("ok", false)) throw std::runtime_error{answer.value("error", std::string{"unknown error"})};
    return answer["result"];
}

}  // namespace

nlohmann::json ask(const wgbfd::RunDir& run_dir, const nlohmann::json& request, std::chrono::milliseconds within) {
    Connection connection{run_dir};
    return result_of(connection, request, within);
}

void follow(const wgbfd::RunDir& run_dir, const std::function<bool(const nlohmann::json&)>& on_event,
            std::chrono::milliseconds within) {
    Connection connection{run_dir};
    for (const auto& event : result_of(connection, {{"command", "events"}, {"follow", true}}, within))
        if (!on_event(event)) return;
    nlohmann::json event;
    while (connection.receive(event))
        if (!on_event(event)) return;
}

}  // namespace cli
