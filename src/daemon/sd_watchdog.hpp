// systemd's watchdog (WatchdogSec= of the unit), fed by the worker: it alone knows whether both of its threads live.
// The guardian is the main process, so the unit says NotifyAccess=all. Nobody is waited for.
#pragma once

#include "base/unique_fd.hpp"

namespace wgbfd {

class SdWatchdog {
public:
    SdWatchdog();  // by $NOTIFY_SOCKET and $WATCHDOG_USEC; without them it does nothing
    void feed() const;

private:
    base::UniqueFd socket_;
};

}  // namespace wgbfd
