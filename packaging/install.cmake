# The installed files beside the binary: units, example configuration, snippets. The units name the place of the binary,
# which is known only when installing (`cmake --install … --prefix`).
install(CODE "set(units ${CMAKE_CURRENT_SOURCE_DIR}/packaging)
set(out ${CMAKE_CURRENT_BINARY_DIR}/packaging)
set(sbindir ${CMAKE_INSTALL_SBINDIR})
set(datadir ${CMAKE_INSTALL_DATADIR})")
install(CODE [[
foreach(unit wgbfd.service wgbfd-undo.service)
  file(READ ${units}/${unit} text)
  cmake_path(ABSOLUTE_PATH sbindir BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE binaries)
  cmake_path(ABSOLUTE_PATH datadir BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE data)
  string(REPLACE "/usr/sbin/" "${binaries}/" text "${text}")
  string(REPLACE "/usr/share/" "${data}/" text "${text}")
  file(WRITE ${out}/${unit} "${text}")
  file(INSTALL ${out}/${unit} DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)
endforeach()
]])
install(FILES packaging/wgbfd.toml DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/wgbfd)
install(DIRECTORY frr-snippets bird-snippets packaging/prometheus packaging/grafana packaging/examples
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/wgbfd USE_SOURCE_PERMISSIONS)
