<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="html" encoding="UTF-8" doctype-system="about:legacy-compat"/>

<xsl:template match="/statistics">
  <html lang="en">
    <head>
      <title>DNS statistics</title>
      <style>
        body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; color: #222 }
        nav a { margin-right: 1em }
        h2 { border-bottom: 2px solid #47a; margin-top: 2em }
        section { display: flex; flex-wrap: wrap; gap: 1em 2.5em; align-items: flex-start }
        table { border-collapse: collapse }
        caption { text-align: left; font-weight: bold; padding: .4em 0 }
        td, th { padding: .1em .8em .1em 0; text-align: left; border-bottom: 1px solid #ddd }
        td.number { text-align: right; font-variant-numeric: tabular-nums; padding-right: 0 }
      </style>
    </head>
    <body>
      <h1>DNS statistics</h1>
      <table>
        <xsl:for-each select="server/version | server/boot-time | server/config-time | server/current-time">
          <tr><th><xsl:value-of select="name()"/></th><td><xsl:value-of select="."/></td></tr>
        </xsl:for-each>
      </table>
      <nav>
        <p>
          <a href="/xml/v3">all</a><a href="/xml/v3/status">status</a><a href="/xml/v3/server">server</a>
          <a href="/xml/v3/zones">zones</a><a href="/xml/v3/net">sockets</a><a href="/xml/v3/traffic">traffic</a>
          <a href="/xml/v3/tasks">threads</a><a href="/xml/v3/mem">memory</a><a href="/json/v1">JSON</a>
        </p>
      </nav>
      <xsl:if test="server/counters/counter[. != 0]">
        <h2>Server</h2>
        <section><xsl:apply-templates select="server/counters"/></section>
      </xsl:if>
      <xsl:for-each select="views/view">
        <h2>View <xsl:value-of select="@name"/></h2>
        <section>
          <xsl:apply-templates select="counters"/>
          <xsl:if test="cache/rrset">
            <table>
              <caption>cached RRsets</caption>
              <xsl:for-each select="cache/rrset">
                <xsl:sort select="counter" data-type="number" order="descending"/>
                <tr><th><xsl:value-of select="name"/></th><td class="number"><xsl:value-of select="counter"/></td></tr>
              </xsl:for-each>
            </table>
          </xsl:if>
        </section>
        <xsl:if test="zones/zone">
          <table>
            <caption>Zones</caption>
            <tr><th>name</th><th>type</th><th>serial</th><th>loaded</th></tr>
            <xsl:for-each select="zones/zone">
              <tr>
                <td><xsl:value-of select="@name"/></td>
                <td><xsl:value-of select="type"/></td>
                <td class="number"><xsl:value-of select="serial"/></td>
                <td><xsl:value-of select="loaded"/></td>
              </tr>
            </xsl:for-each>
          </table>
          <xsl:for-each select="zones/zone[counters/counter[. != 0]]">
            <h3><xsl:value-of select="@name"/></h3>
            <section><xsl:apply-templates select="counters"/></section>
          </xsl:for-each>
        </xsl:if>
      </xsl:for-each>
      <xsl:for-each select="traffic/*/*">
        <h2>Octets of messages, <xsl:value-of select="name(..)"/><xsl:text> </xsl:text><xsl:value-of select="name()"/></h2>
        <section><xsl:apply-templates select="counters"/></section>
      </xsl:for-each>
      <xsl:if test="taskmgr/thread-model">
        <h2>Threads</h2>
        <p><xsl:value-of select="taskmgr/thread-model/worker-threads"/> worker threads</p>
      </xsl:if>
      <xsl:if test="memory">
        <h2>Memory</h2>
        <table>
          <tr><th>pool</th><th>octets it may have</th><th>octets in use</th></tr>
          <xsl:for-each select="memory/contexts/context">
            <tr>
              <td><xsl:value-of select="name"/></td>
              <td class="number"><xsl:value-of select="total"/></td>
              <td class="number"><xsl:value-of select="inuse"/></td>
            </tr>
          </xsl:for-each>
          <tr>
            <td>the whole process</td>
            <td/>
            <td class="number"><xsl:value-of select="memory/summary/InUse"/></td>
          </tr>
        </table>
      </xsl:if>
    </body>
  </html>
</xsl:template>

<!-- What was counted; zeros tell a reader nothing. -->
<xsl:template match="counters">
  <xsl:if test="counter[. != 0]">
    <table>
      <caption><xsl:value-of select="@type"/></caption>
      <xsl:for-each select="counter[. != 0]">
        <tr><th><xsl:value-of select="@name"/></th><td class="number"><xsl:value-of select="."/></td></tr>
      </xsl:for-each>
    </table>
  </xsl:if>
</xsl:template>

</xsl:stylesheet>
