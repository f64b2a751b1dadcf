# What `cmake --install` puts in place, and the Debian package made of it.
install(TARGETS shoji-oci RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(FILES docs/man/shoji-oci.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)

# The completion script comes from the verb table, by way of the program itself.
set(completion ${PROJECT_BINARY_DIR}/completions/shoji-oci)
add_custom_command(OUTPUT ${completion}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/completions
  COMMAND $<TARGET_FILE:shoji-oci> completion > ${completion}
  DEPENDS shoji-oci VERBATIM)
add_custom_target(completions ALL DEPENDS ${completion})
install(FILES ${completion} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)

install(FILES README.md docs/limits.md docs/status.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY examples/templates DESTINATION ${CMAKE_INSTALL_DATADIR}/shoji)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "Shoji developers <developers@shoji.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "")  # the programs are static
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "OCI container runtime
 shoji-oci makes containers from OCI bundles: namespaces, control groups (v2,
 and v1 on hybrid hosts), seccomp, capabilities. One small static program,
 with the command line of runc.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
