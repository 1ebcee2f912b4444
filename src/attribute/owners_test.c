/* SPDX-License-Identifier: Apache-2.0 */
/* Kind of owner: addresses of organisations in all parts of the world, host names under the
 * academic, government and military suffixes of all countries, and the institutions of the study.
 * The addresses' source is the registration of their block (whois of ARIN, RIPE NCC, APNIC, LACNIC
 * and AFRINIC), whose holder is named. */
#include "attribute/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "schema/values.h"

/* clang-format off */
static const struct {
    const char *address;
    enum owner owner;
    const char *holder;
} ADDRESSES[] = {
    {"171.64.10.1", OWNER_UNIVERSITY, "Stanford"},
    {"128.32.5.1", OWNER_UNIVERSITY, "UC Berkeley"},
    {"128.103.4.1", OWNER_UNIVERSITY, "Harvard"},
    {"128.2.10.1", OWNER_UNIVERSITY, "Carnegie Mellon"},
    {"128.112.128.1", OWNER_UNIVERSITY, "Princeton"},
    {"130.132.50.1", OWNER_UNIVERSITY, "Yale"},
    {"128.59.59.1", OWNER_UNIVERSITY, "Columbia"},
    {"128.84.10.1", OWNER_UNIVERSITY, "Cornell"},
    {"128.95.1.4", OWNER_UNIVERSITY, "University of Washington"},
    {"128.174.5.1", OWNER_UNIVERSITY, "University of Illinois"},
    {"141.211.4.1", OWNER_UNIVERSITY, "University of Michigan"},
    {"128.83.40.1", OWNER_UNIVERSITY, "University of Texas"},
    {"128.210.11.1", OWNER_UNIVERSITY, "Purdue"},
    {"144.92.9.1", OWNER_UNIVERSITY, "University of Wisconsin"},
    {"128.101.101.1", OWNER_UNIVERSITY, "University of Minnesota"},
    {"128.91.2.1", OWNER_UNIVERSITY, "University of Pennsylvania"},
    {"128.148.1.1", OWNER_UNIVERSITY, "Brown"},
    {"152.3.72.1", OWNER_UNIVERSITY, "Duke"},
    {"131.215.9.1", OWNER_UNIVERSITY, "Caltech"},
    {"128.97.27.1", OWNER_UNIVERSITY, "UCLA"},
    {"132.239.1.1", OWNER_UNIVERSITY, "UC San Diego"},
    {"128.125.7.1", OWNER_UNIVERSITY, "USC"},
    {"128.42.5.1", OWNER_UNIVERSITY, "Rice"},
    {"130.207.7.1", OWNER_UNIVERSITY, "Georgia Tech"},
    {"128.8.10.1", OWNER_UNIVERSITY, "University of Maryland"},
    {"128.6.4.1", OWNER_UNIVERSITY, "Rutgers"},
    {"128.173.5.1", OWNER_UNIVERSITY, "Virginia Tech"},
    {"128.119.8.1", OWNER_UNIVERSITY, "University of Massachusetts"},
    {"128.220.13.1", OWNER_UNIVERSITY, "Johns Hopkins"},
    {"128.122.49.1", OWNER_UNIVERSITY, "NYU"},
    {"128.135.12.1", OWNER_UNIVERSITY, "University of Chicago"},
    {"129.105.5.1", OWNER_UNIVERSITY, "Northwestern"},
    {"128.196.128.1", OWNER_UNIVERSITY, "University of Arizona"},
    {"128.223.32.1", OWNER_UNIVERSITY, "University of Oregon"},
    {"128.175.13.1", OWNER_UNIVERSITY, "University of Delaware"},
    {"137.99.26.1", OWNER_UNIVERSITY, "University of Connecticut"},
    {"129.186.1.1", OWNER_UNIVERSITY, "Iowa State"},
    {"128.100.72.1", OWNER_UNIVERSITY, "University of Toronto"},
    {"137.82.1.1", OWNER_UNIVERSITY, "University of British Columbia"},
    {"132.206.85.1", OWNER_UNIVERSITY, "McGill"},
    {"129.97.2.1", OWNER_UNIVERSITY, "Waterloo"},
    {"129.128.5.1", OWNER_UNIVERSITY, "University of Alberta"},
    {"129.67.1.1", OWNER_UNIVERSITY, "Oxford"},
    {"131.111.8.1", OWNER_UNIVERSITY, "Cambridge"},
    {"128.40.10.1", OWNER_UNIVERSITY, "University College London"},
    {"155.198.30.1", OWNER_UNIVERSITY, "Imperial College"},
    {"129.215.5.1", OWNER_UNIVERSITY, "Edinburgh"},
    {"130.88.98.1", OWNER_UNIVERSITY, "Manchester"},
    {"129.132.98.1", OWNER_UNIVERSITY, "ETH Zurich"},
    {"128.178.15.1", OWNER_UNIVERSITY, "EPFL"},
    {"131.159.0.35", OWNER_UNIVERSITY, "TU Munich"},
    {"134.130.4.1", OWNER_UNIVERSITY, "RWTH Aachen"},
    {"129.13.64.1", OWNER_UNIVERSITY, "KIT"},
    {"130.149.7.1", OWNER_UNIVERSITY, "TU Berlin"},
    {"130.133.8.1", OWNER_UNIVERSITY, "FU Berlin"},
    {"131.130.1.11", OWNER_UNIVERSITY, "University of Vienna"},
    {"128.130.3.1", OWNER_UNIVERSITY, "TU Vienna"},
    {"130.161.180.1", OWNER_UNIVERSITY, "TU Delft"},
    {"131.211.194.1", OWNER_UNIVERSITY, "Utrecht"},
    {"134.58.126.1", OWNER_UNIVERSITY, "KU Leuven"},
    {"157.193.40.1", OWNER_UNIVERSITY, "Ghent"},
    {"130.235.20.1", OWNER_UNIVERSITY, "Lund"},
    {"129.16.4.1", OWNER_UNIVERSITY, "Chalmers"},
    {"128.214.4.1", OWNER_UNIVERSITY, "Helsinki"},
    {"130.233.224.1", OWNER_UNIVERSITY, "Aalto"},
    {"129.240.2.1", OWNER_UNIVERSITY, "Oslo"},
    {"129.241.0.1", OWNER_UNIVERSITY, "NTNU"},
    {"137.204.1.1", OWNER_UNIVERSITY, "Bologna"},
    {"131.175.12.1", OWNER_UNIVERSITY, "Politecnico di Milano"},
    {"130.192.3.1", OWNER_UNIVERSITY, "Politecnico di Torino"},
    {"151.100.4.1", OWNER_UNIVERSITY, "Sapienza"},
    {"131.114.21.1", OWNER_UNIVERSITY, "Pisa"},
    {"147.83.2.1", OWNER_UNIVERSITY, "UPC Barcelona"},
    {"138.100.4.1", OWNER_UNIVERSITY, "UPM Madrid"},
    {"150.244.9.1", OWNER_UNIVERSITY, "UAM Madrid"},
    {"149.156.1.1", OWNER_UNIVERSITY, "AGH Krakow"},
    {"147.102.222.1", OWNER_UNIVERSITY, "NTU Athens"},
    {"132.68.7.1", OWNER_UNIVERSITY, "Technion"},
    {"132.66.48.1", OWNER_UNIVERSITY, "Tel Aviv"},
    {"128.139.6.1", OWNER_UNIVERSITY, "Hebrew University"},
    {"133.11.0.1", OWNER_UNIVERSITY, "University of Tokyo"},
    {"130.54.1.1", OWNER_UNIVERSITY, "Kyoto"},
    {"133.1.138.1", OWNER_UNIVERSITY, "Osaka"},
    {"130.158.68.1", OWNER_UNIVERSITY, "Tsukuba"},
    {"131.113.1.1", OWNER_UNIVERSITY, "Keio"},
    {"147.46.10.1", OWNER_UNIVERSITY, "Seoul National University"},
    {"143.248.1.177", OWNER_UNIVERSITY, "KAIST"},
    {"141.223.1.2", OWNER_UNIVERSITY, "POSTECH"},
    {"165.132.10.1", OWNER_UNIVERSITY, "Yonsei"},
    {"166.111.8.28", OWNER_UNIVERSITY, "Tsinghua"},
    {"162.105.129.1", OWNER_UNIVERSITY, "Peking University"},
    {"202.38.64.1", OWNER_UNIVERSITY, "USTC"},
    {"147.8.2.1", OWNER_UNIVERSITY, "Hong Kong University"},
    {"143.89.14.1", OWNER_UNIVERSITY, "HKUST"},
    {"137.189.6.1", OWNER_UNIVERSITY, "CUHK"},
    {"140.112.254.4", OWNER_UNIVERSITY, "National Taiwan University"},
    {"140.113.6.1", OWNER_UNIVERSITY, "NCTU"},
    {"137.132.5.1", OWNER_UNIVERSITY, "NUS"},
    {"155.69.5.1", OWNER_UNIVERSITY, "NTU Singapore"},
    {"128.250.1.1", OWNER_UNIVERSITY, "Melbourne"},
    {"150.203.1.1", OWNER_UNIVERSITY, "ANU"},
    {"129.78.5.1", OWNER_UNIVERSITY, "Sydney"},
    {"149.171.1.1", OWNER_UNIVERSITY, "UNSW"},
    {"130.102.2.1", OWNER_UNIVERSITY, "Queensland"},
    {"130.194.1.1", OWNER_UNIVERSITY, "Monash"},
    {"130.216.1.1", OWNER_UNIVERSITY, "Auckland"},
    {"132.181.2.1", OWNER_UNIVERSITY, "Canterbury NZ"},
    {"139.80.64.1", OWNER_UNIVERSITY, "Otago"},
    {"130.217.250.1", OWNER_UNIVERSITY, "Waikato"},
    {"143.107.253.1", OWNER_UNIVERSITY, "USP"},
    {"143.106.2.1", OWNER_UNIVERSITY, "UNICAMP"},
    {"146.164.10.1", OWNER_UNIVERSITY, "UFRJ"},
    {"132.248.10.1", OWNER_UNIVERSITY, "UNAM"},
    {"137.158.128.1", OWNER_UNIVERSITY, "Cape Town"},
    {"146.141.13.1", OWNER_UNIVERSITY, "Witwatersrand"},
    {"103.27.8.1", OWNER_UNIVERSITY, "IIT Delhi"},
    {"103.21.124.1", OWNER_UNIVERSITY, "IIT Bombay"},
    {"202.3.77.1", OWNER_UNIVERSITY, "IIT Kanpur"},
    {"202.41.10.1", OWNER_UNIVERSITY, "JNU"},
    {"167.205.1.1", OWNER_UNIVERSITY, "ITB Bandung"},
    {"18.9.22.69", OWNER_UNIVERSITY, "MIT"},
    {"152.2.1.1", OWNER_UNIVERSITY, "UNC Chapel Hill"},
    {"155.98.1.1", OWNER_UNIVERSITY, "Utah"},
    {"165.91.1.1", OWNER_UNIVERSITY, "Texas A&M"},
    {"130.15.1.1", OWNER_UNIVERSITY, "Queen's Kingston"},
    {"157.92.1.1", OWNER_UNIVERSITY, "Buenos Aires"},
    {"146.155.1.1", OWNER_UNIVERSITY, "Catholic University of Chile"},
    {"148.204.1.1", OWNER_UNIVERSITY, "IPN Mexico"},
    {"157.253.1.1", OWNER_UNIVERSITY, "Los Andes Bogota"},
    {"159.90.1.1", OWNER_UNIVERSITY, "Simon Bolivar"},
    {"129.31.1.1", OWNER_UNIVERSITY, "Imperial"},
    {"130.89.1.1", OWNER_UNIVERSITY, "Twente"},
    {"131.155.1.1", OWNER_UNIVERSITY, "Eindhoven"},
    {"130.237.28.40", OWNER_UNIVERSITY, "KTH"},
    {"130.231.1.1", OWNER_UNIVERSITY, "Oulu"},
    {"152.66.1.1", OWNER_UNIVERSITY, "BME Budapest"},
    {"147.91.1.1", OWNER_UNIVERSITY, "Belgrade"},
    {"147.175.1.1", OWNER_UNIVERSITY, "STU Bratislava"},
    {"133.5.1.1", OWNER_UNIVERSITY, "Kyushu"},
    {"133.6.1.1", OWNER_UNIVERSITY, "Nagoya"},
    {"163.152.1.1", OWNER_UNIVERSITY, "Korea University"},
    {"140.114.1.1", OWNER_UNIVERSITY, "Tsing Hua Taiwan"},
    {"158.132.1.1", OWNER_UNIVERSITY, "HK Polytechnic"},
    {"161.200.1.1", OWNER_UNIVERSITY, "Chulalongkorn"},
    {"130.95.1.1", OWNER_UNIVERSITY, "Western Australia"},
    {"130.195.1.1", OWNER_UNIVERSITY, "Victoria Wellington"},
    {"128.151.1.1", OWNER_UNIVERSITY, "Rochester"},
    {"129.22.1.1", OWNER_UNIVERSITY, "Case Western"},
    {"129.24.1.1", OWNER_UNIVERSITY, "New Mexico"},
    {"129.89.1.1", OWNER_UNIVERSITY, "Milwaukee"},
    {"130.39.1.1", OWNER_UNIVERSITY, "LSU"},
    {"130.111.1.1", OWNER_UNIVERSITY, "Maine"},
    {"131.123.1.1", OWNER_UNIVERSITY, "Kent State"},
    {"131.193.1.1", OWNER_UNIVERSITY, "UIC"},
    {"134.71.1.1", OWNER_UNIVERSITY, "Cal Poly"},
    {"134.121.1.1", OWNER_UNIVERSITY, "Washington State"},
    {"134.173.1.1", OWNER_UNIVERSITY, "Claremont"},
    {"138.67.1.1", OWNER_UNIVERSITY, "Mines"},
    {"139.78.1.1", OWNER_UNIVERSITY, "Oklahoma State"},
    {"141.219.1.1", OWNER_UNIVERSITY, "Michigan Tech"},
    {"144.118.1.1", OWNER_UNIVERSITY, "Drexel"},
    {"149.159.1.1", OWNER_UNIVERSITY, "Indiana"},
    {"150.212.1.1", OWNER_UNIVERSITY, "Pittsburgh"},
    {"157.182.1.1", OWNER_UNIVERSITY, "West Virginia"},
    {"134.117.1.1", OWNER_UNIVERSITY, "Carleton"},
    {"137.122.1.1", OWNER_UNIVERSITY, "Ottawa"},
    {"142.58.1.1", OWNER_UNIVERSITY, "SFU"},
    {"142.104.1.1", OWNER_UNIVERSITY, "Victoria BC"},
    {"138.253.1.1", OWNER_UNIVERSITY, "Liverpool"},
    {"143.210.1.1", OWNER_UNIVERSITY, "Leicester"},
    {"147.197.1.1", OWNER_UNIVERSITY, "Hertfordshire"},
    {"148.197.1.1", OWNER_UNIVERSITY, "Portsmouth"},
    {"134.28.1.1", OWNER_UNIVERSITY, "TU Hamburg"},
    {"132.252.1.1", OWNER_UNIVERSITY, "Duisburg-Essen"},
    {"141.89.1.1", OWNER_UNIVERSITY, "Potsdam"},
    {"133.24.1.1", OWNER_UNIVERSITY, "Yamagata"},
    {"133.38.1.1", OWNER_UNIVERSITY, "Saitama"},
    {"166.104.1.1", OWNER_UNIVERSITY, "Hanyang"},
    {"155.207.1.1", OWNER_UNIVERSITY, "Thessaloniki"},
    {"193.51.1.1", OWNER_EDUCATION, "Renater"},
    {"193.206.1.1", OWNER_EDUCATION, "GARR"},
    {"145.100.1.1", OWNER_EDUCATION, "SURF"},
    {"130.59.31.1", OWNER_EDUCATION, "SWITCH"},
    {"62.40.98.1", OWNER_EDUCATION, "GEANT"},
    {"202.112.1.1", OWNER_EDUCATION, "CERNET"},
    {"150.99.1.1", OWNER_EDUCATION, "SINET"},
    {"134.75.1.1", OWNER_EDUCATION, "KREONET"},
    {"202.158.194.1", OWNER_EDUCATION, "AARNet"},
    {"113.197.1.1", OWNER_EDUCATION, "AARNet"},
    {"210.7.32.1", OWNER_EDUCATION, "REANNZ"},
    {"14.139.1.1", OWNER_EDUCATION, "NKN"},
    {"202.141.1.1", OWNER_EDUCATION, "ERNET"},
    {"197.136.1.1", OWNER_EDUCATION, "KENET"},
    {"203.80.16.1", OWNER_EDUCATION, "MYREN"},
    {"155.232.1.1", OWNER_EDUCATION, "TENET"},
    {"200.143.193.1", OWNER_EDUCATION, "RNP"},
    {"195.113.144.1", OWNER_EDUCATION, "CESNET"},
    {"193.1.219.1", OWNER_EDUCATION, "HEAnet"},
    {"193.190.198.1", OWNER_EDUCATION, "BELNET"},
    {"193.166.3.1", OWNER_EDUCATION, "FUNET"},
    {"158.38.1.1", OWNER_EDUCATION, "Sikt"},
    {"192.36.171.1", OWNER_EDUCATION, "SUNET"},
    {"130.225.1.1", OWNER_EDUCATION, "Danish research network"},
    {"128.141.1.1", OWNER_LABORATORY, "CERN"},
    {"137.138.16.1", OWNER_LABORATORY, "CERN"},
    {"188.184.9.1", OWNER_LABORATORY, "CERN"},
    {"128.165.4.1", OWNER_LABORATORY, "Los Alamos"},
    {"128.115.41.1", OWNER_LABORATORY, "Livermore"},
    {"128.219.128.1", OWNER_LABORATORY, "Oak Ridge"},
    {"130.199.3.1", OWNER_LABORATORY, "Brookhaven"},
    {"146.137.96.1", OWNER_LABORATORY, "Argonne"},
    {"131.225.8.1", OWNER_LABORATORY, "Fermilab"},
    {"131.243.2.1", OWNER_LABORATORY, "Berkeley Lab"},
    {"130.20.248.1", OWNER_LABORATORY, "PNNL"},
    {"134.79.16.1", OWNER_LABORATORY, "SLAC"},
    {"134.253.16.1", OWNER_LABORATORY, "Sandia"},
    {"131.169.40.1", OWNER_LABORATORY, "DESY"},
    {"140.181.1.1", OWNER_LABORATORY, "GSI"},
    {"130.87.4.1", OWNER_LABORATORY, "KEK"},
    {"134.160.33.1", OWNER_LABORATORY, "RIKEN"},
    {"131.176.4.1", OWNER_LABORATORY, "ESA"},
    {"129.247.1.1", OWNER_LABORATORY, "DLR"},
    {"153.96.1.1", OWNER_LABORATORY, "Fraunhofer"},
    {"128.117.64.1", OWNER_LABORATORY, "NCAR"},
    {"128.149.133.1", OWNER_LABORATORY, "JPL"},
    {"128.102.18.1", OWNER_LABORATORY, "NASA Ames"},
    {"128.183.10.1", OWNER_LABORATORY, "NASA Goddard"},
    {"129.6.13.1", OWNER_LABORATORY, "NIST"},
    {"137.75.4.1", OWNER_LABORATORY, "NOAA Boulder"},
    {"140.109.1.1", OWNER_LABORATORY, "Academia Sinica"},
    {"132.76.62.1", OWNER_LABORATORY, "Weizmann Institute"},
    {"202.90.129.1", OWNER_LABORATORY, "ASTI DOST"},
    {"133.56.1.1", OWNER_LABORATORY, "JAXA"},
    {"130.246.1.1", OWNER_LABORATORY, "Rutherford Appleton"},
    {"129.55.1.1", OWNER_LABORATORY, "Lincoln Laboratory"},
    {"202.90.128.1", OWNER_LABORATORY, "ASTI DOST"},
    {"164.100.1.1", OWNER_GOVERNMENT, "NIC India"},
    {"156.33.195.1", OWNER_GOVERNMENT, "US Senate"},
    {"143.231.1.1", OWNER_GOVERNMENT, "US House"},
    {"149.101.1.1", OWNER_GOVERNMENT, "US DOJ"},
    {"153.31.112.1", OWNER_GOVERNMENT, "FBI"},
    {"128.231.128.1", OWNER_GOVERNMENT, "NIH"},
    {"56.0.134.1", OWNER_GOVERNMENT, "US Postal Service"},
    {"147.67.1.1", OWNER_GOVERNMENT, "European Commission"},
    {"136.173.1.1", OWNER_GOVERNMENT, "European Parliament"},
    {"157.150.34.1", OWNER_GOVERNMENT, "United Nations"},
    {"194.60.38.1", OWNER_GOVERNMENT, "UK Parliament"},
    {"138.220.1.1", OWNER_GOVERNMENT, "World Bank"},
    {"27.101.1.1", OWNER_GOVERNMENT, "Korean government NIRS"},
    {"152.99.1.1", OWNER_GOVERNMENT, "Korean government NIRS"},
    {"160.96.200.1", OWNER_GOVERNMENT, "Singapore government"},
    {"198.103.1.1", OWNER_GOVERNMENT, "Government of Canada"},
    {"164.95.1.1", OWNER_GOVERNMENT, "US Treasury"},
    {"134.67.1.1", OWNER_GOVERNMENT, "EPA"},
    {"130.118.4.1", OWNER_GOVERNMENT, "USGS"},
    {"152.133.1.1", OWNER_GOVERNMENT, "Veterans Affairs"},
    {"6.1.1.1", OWNER_MILITARY, "US Army"},
    {"7.1.1.1", OWNER_MILITARY, "DoD"},
    {"11.1.1.1", OWNER_MILITARY, "DoD"},
    {"21.1.1.1", OWNER_MILITARY, "DoD"},
    {"22.1.1.1", OWNER_MILITARY, "DoD"},
    {"26.1.1.1", OWNER_MILITARY, "DoD"},
    {"28.1.1.1", OWNER_MILITARY, "DoD"},
    {"29.1.1.1", OWNER_MILITARY, "DoD"},
    {"30.1.1.1", OWNER_MILITARY, "DoD"},
    {"33.1.1.1", OWNER_MILITARY, "DoD"},
    {"55.1.1.1", OWNER_MILITARY, "US Army"},
    {"214.1.1.1", OWNER_MILITARY, "DoD"},
    {"215.1.1.1", OWNER_MILITARY, "DoD"},
    {"25.1.1.1", OWNER_MILITARY, "UK MoD"},
    {"140.32.1.1", OWNER_MILITARY, "US Air Force"},
    {"131.3.1.1", OWNER_MILITARY, "US Air Force"},
    {"144.101.1.1", OWNER_MILITARY, "US Army"},
    {"138.136.1.1", OWNER_MILITARY, "US Navy"},
    {"175.45.176.1", OWNER_CARRIER, "Star JV"},
    {"73.1.1.1", OWNER_CARRIER, "Comcast"},
    {"98.210.1.1", OWNER_CARRIER, "Comcast"},
    {"71.178.1.1", OWNER_CARRIER, "Verizon"},
    {"12.1.1.1", OWNER_CARRIER, "AT&T"},
    {"79.200.1.1", OWNER_CARRIER, "Deutsche Telekom"},
    {"217.230.1.1", OWNER_CARRIER, "Deutsche Telekom"},
    {"90.10.1.1", OWNER_CARRIER, "Orange"},
    {"82.64.10.1", OWNER_CARRIER, "Free"},
    {"88.170.1.1", OWNER_CARRIER, "Free"},
    {"86.150.1.1", OWNER_CARRIER, "BT"},
    {"82.10.1.1", OWNER_CARRIER, "Virgin Media"},
    {"80.30.1.1", OWNER_CARRIER, "Telefonica"},
    {"79.10.1.1", OWNER_CARRIER, "Telecom Italia"},
    {"88.70.1.1", OWNER_CARRIER, "Vodafone DE"},
    {"82.170.1.1", OWNER_CARRIER, "KPN"},
    {"81.230.1.1", OWNER_CARRIER, "Telia"},
    {"80.165.1.1", OWNER_CARRIER, "TDC"},
    {"83.78.1.1", OWNER_CARRIER, "Swisscom"},
    {"95.30.1.1", OWNER_CARRIER, "Vimpelcom"},
    {"61.140.1.1", OWNER_CARRIER, "China Telecom"},
    {"116.230.1.1", OWNER_CARRIER, "China Telecom"},
    {"123.115.1.1", OWNER_CARRIER, "China Unicom"},
    {"221.195.1.1", OWNER_CARRIER, "China Unicom"},
    {"111.10.1.1", OWNER_CARRIER, "China Mobile"},
    {"117.136.1.1", OWNER_CARRIER, "China Mobile"},
    {"218.102.10.1", OWNER_CARRIER, "PCCW"},
    {"114.25.1.1", OWNER_CARRIER, "HiNet"},
    {"1.170.1.1", OWNER_CARRIER, "HiNet"},
    {"121.130.1.1", OWNER_CARRIER, "KT"},
    {"175.200.1.1", OWNER_CARRIER, "KT"},
    {"1.230.1.1", OWNER_CARRIER, "SK Broadband"},
    {"114.150.1.1", OWNER_CARRIER, "OCN"},
    {"106.130.1.1", OWNER_CARRIER, "KDDI"},
    {"126.1.1.1", OWNER_CARRIER, "SoftBank"},
    {"60.70.1.1", OWNER_CARRIER, "SoftBank"},
    {"116.87.1.1", OWNER_CARRIER, "StarHub"},
    {"175.140.1.1", OWNER_CARRIER, "Telekom Malaysia"},
    {"60.50.1.1", OWNER_CARRIER, "Telekom Malaysia"},
    {"125.160.1.1", OWNER_CARRIER, "Telkom Indonesia"},
    {"112.198.1.1", OWNER_CARRIER, "Globe"},
    {"14.165.1.1", OWNER_CARRIER, "VNPT"},
    {"27.70.1.1", OWNER_CARRIER, "Viettel"},
    {"1.53.1.1", OWNER_CARRIER, "FPT"},
    {"171.97.1.1", OWNER_CARRIER, "True"},
    {"122.165.1.1", OWNER_CARRIER, "Airtel"},
    {"49.36.1.1", OWNER_CARRIER, "Jio"},
    {"59.90.1.1", OWNER_CARRIER, "BSNL"},
    {"117.200.1.1", OWNER_CARRIER, "BSNL"},
    {"1.125.1.1", OWNER_CARRIER, "Telstra"},
    {"49.180.1.1", OWNER_CARRIER, "Optus"},
    {"122.58.1.1", OWNER_CARRIER, "Spark NZ"},
    {"189.10.1.1", OWNER_CARRIER, "Oi"},
    {"187.20.1.1", OWNER_CARRIER, "Claro Brasil"},
    {"177.100.1.1", OWNER_CARRIER, "Claro Brasil"},
    {"187.190.1.1", OWNER_CARRIER, "Total Play"},
    {"189.135.1.1", OWNER_CARRIER, "Telmex"},
    {"41.114.1.1", OWNER_CARRIER, "MTN ZA"},
    {"41.2.1.1", OWNER_CARRIER, "Vodacom"},
    {"105.165.1.1", OWNER_CARRIER, "Safaricom"},
    {"41.90.1.1", OWNER_CARRIER, "Safaricom"},
    {"41.36.1.1", OWNER_CARRIER, "Telecom Egypt"},
    {"41.142.1.1", OWNER_CARRIER, "Maroc Telecom"},
    {"78.170.1.1", OWNER_CARRIER, "Turk Telekom"},
    {"88.230.1.1", OWNER_CARRIER, "Turk Telekom"},
    {"51.36.1.1", OWNER_CARRIER, "STC"},
    {"86.98.1.1", OWNER_CARRIER, "Etisalat"},
    {"2.180.1.1", OWNER_CARRIER, "TIC Iran"},
    {"99.230.1.1", OWNER_CARRIER, "Rogers"},
    {"70.50.1.1", OWNER_CARRIER, "Bell Canada"},
    {"24.202.1.1", OWNER_CARRIER, "Videotron"},
    {"24.66.1.1", OWNER_CARRIER, "Shaw"},
    {"210.52.109.1", OWNER_CARRIER, "KPTC through China Unicom"},
    {"95.165.1.1", OWNER_CARRIER, "MGTS"},
    {"92.40.1.1", OWNER_CARRIER, "Three UK"},
    {"31.52.1.1", OWNER_CARRIER, "BT"},
    {"94.1.1.1", OWNER_CARRIER, "Sky UK"},
    {"37.4.1.1", OWNER_CARRIER, "Vodafone DE"},
    {"93.192.1.1", OWNER_CARRIER, "Deutsche Telekom"},
    {"151.30.1.1", OWNER_CARRIER, "Wind Tre"},
    {"2.32.1.1", OWNER_CARRIER, "Vodafone IT"},
    {"83.0.1.1", OWNER_CARRIER, "Orange PL"},
    {"79.184.1.1", OWNER_CARRIER, "Orange PL"},
    {"89.64.1.1", OWNER_CARRIER, "UPC PL"},
    {"86.120.1.1", OWNER_CARRIER, "RCS and RDS"},
    {"78.80.1.1", OWNER_CARRIER, "T-Mobile CZ"},
    {"84.0.1.1", OWNER_CARRIER, "Magyar Telekom"},
    {"93.86.1.1", OWNER_CARRIER, "Telekom Srbija"},
    {"94.66.1.1", OWNER_CARRIER, "OTE"},
    {"178.120.1.1", OWNER_CARRIER, "Beltelecom"},
    {"37.52.1.1", OWNER_CARRIER, "Ukrtelecom"},
    {"46.211.1.1", OWNER_CARRIER, "Kyivstar"},
    {"2.132.1.1", OWNER_CARRIER, "Kazakhtelecom"},
    {"213.230.64.1", OWNER_CARRIER, "Uztelecom"},
    {"39.32.1.1", OWNER_CARRIER, "PTCL"},
    {"119.152.1.1", OWNER_CARRIER, "PTCL"},
    {"112.134.1.1", OWNER_CARRIER, "SLT"},
    {"175.157.1.1", OWNER_CARRIER, "Dialog Axiata"},
    {"183.88.1.1", OWNER_CARRIER, "Triple T Broadband"},
    {"49.228.1.1", OWNER_CARRIER, "AIS"},
    {"120.28.1.1", OWNER_CARRIER, "Globe"},
    {"182.0.1.1", OWNER_CARRIER, "Telkomsel"},
    {"114.120.1.1", OWNER_CARRIER, "Telkomsel"},
    {"58.27.1.1", OWNER_CARRIER, "Maxis"},
    {"210.186.1.1", OWNER_CARRIER, "Telekom Malaysia"},
    {"60.224.1.1", OWNER_CARRIER, "Telstra"},
    {"197.210.1.1", OWNER_CARRIER, "MTN Nigeria"},
    {"105.224.1.1", OWNER_CARRIER, "Telkom SA"},
    {"196.25.1.1", OWNER_CARRIER, "Telkom SA"},
    {"197.0.1.1", OWNER_CARRIER, "Tunisie Telecom"},
    {"41.96.1.1", OWNER_CARRIER, "Algerie Telecom"},
    {"37.236.1.1", OWNER_CARRIER, "Earthlink Iraq"},
    {"109.82.1.1", OWNER_CARRIER, "STC"},
    {"37.210.1.1", OWNER_CARRIER, "Ooredoo Qatar"},
    {"37.36.1.1", OWNER_CARRIER, "Zain Kuwait"},
    {"85.154.1.1", OWNER_CARRIER, "Omantel"},
    {"178.134.1.1", OWNER_CARRIER, "Silknet"},
    {"5.191.1.1", OWNER_CARRIER, "Azerbaijan telecom"},
    {"186.10.1.1", OWNER_CARRIER, "Entel Chile"},
    {"201.1.1.1", OWNER_CARRIER, "Vivo"},
    {"181.10.1.1", OWNER_CARRIER, "Telecom Argentina"},
    {"77.94.35.1", OWNER_SATELLITE, "SatGate"},
    {"98.97.10.1", OWNER_SATELLITE, "Starlink"},
    {"129.222.1.1", OWNER_SATELLITE, "Starlink"},
    {"67.142.1.1", OWNER_SATELLITE, "Hughes"},
    {"69.35.1.1", OWNER_SATELLITE, "Hughes"},
    {"75.105.1.1", OWNER_SATELLITE, "Viasat"},
    {"99.196.1.1", OWNER_SATELLITE, "Viasat"},
    {"161.30.1.1", OWNER_SATELLITE, "Inmarsat"},
    {"104.131.1.1", OWNER_HOSTING, "DigitalOcean"},
    {"138.68.1.1", OWNER_HOSTING, "DigitalOcean"},
    {"159.65.1.1", OWNER_HOSTING, "DigitalOcean"},
    {"45.33.1.1", OWNER_HOSTING, "Linode"},
    {"139.162.1.1", OWNER_HOSTING, "Linode"},
    {"172.104.1.1", OWNER_HOSTING, "Linode"},
    {"45.32.1.1", OWNER_HOSTING, "Vultr"},
    {"45.76.1.1", OWNER_HOSTING, "Vultr"},
    {"51.68.1.1", OWNER_HOSTING, "OVH"},
    {"91.121.1.1", OWNER_HOSTING, "OVH"},
    {"54.36.1.1", OWNER_HOSTING, "OVH"},
    {"88.198.6.1", OWNER_HOSTING, "Hetzner"},
    {"78.46.1.1", OWNER_HOSTING, "Hetzner"},
    {"5.9.1.1", OWNER_HOSTING, "Hetzner"},
    {"95.216.1.1", OWNER_HOSTING, "Hetzner"},
    {"85.17.1.1", OWNER_HOSTING, "Leaseweb"},
    {"95.211.1.1", OWNER_HOSTING, "Leaseweb"},
    {"5.79.70.1", OWNER_HOSTING, "Leaseweb"},
    {"62.210.1.1", OWNER_HOSTING, "Online"},
    {"163.172.1.1", OWNER_HOSTING, "Online"},
    {"51.15.1.1", OWNER_HOSTING, "Scaleway"},
    {"173.212.200.1", OWNER_HOSTING, "Contabo"},
    {"52.20.1.1", OWNER_HOSTING, "AWS"},
    {"54.160.1.1", OWNER_HOSTING, "AWS"},
    {"3.5.1.1", OWNER_HOSTING, "AWS"},
    {"104.40.1.1", OWNER_HOSTING, "Azure"},
    {"35.190.1.1", OWNER_HOSTING, "Google Cloud"},
    {"34.90.1.1", OWNER_HOSTING, "Google Cloud"},
    {"47.88.1.1", OWNER_HOSTING, "Alibaba Cloud"},
    {"47.74.1.1", OWNER_HOSTING, "Alibaba Cloud"},
    {"129.146.1.1", OWNER_HOSTING, "Oracle Cloud"},
    {"132.145.1.1", OWNER_HOSTING, "Oracle Cloud"},
    {"169.45.1.1", OWNER_HOSTING, "IBM Cloud"},
    {"166.78.1.1", OWNER_HOSTING, "Rackspace"},
    {"146.70.1.1", OWNER_HOSTING, "M247"},
    {"192.3.1.1", OWNER_HOSTING, "ColoCrossing"},
    {"217.160.1.1", OWNER_HOSTING, "IONOS"},
    {"81.169.145.1", OWNER_HOSTING, "Strato"},
    {"62.149.128.1", OWNER_HOSTING, "Aruba"},
    {"49.212.1.1", OWNER_HOSTING, "Sakura"},
    {"150.95.1.1", OWNER_HOSTING, "GMO"},
    {"46.246.38.1", OWNER_HOSTING, "GleSYS"},
    {"104.129.1.1", OWNER_HOSTING, "QuadraNet"},
    {"208.43.1.1", OWNER_HOSTING, "SoftLayer"},
    {"65.108.1.1", OWNER_HOSTING, "Hetzner"},
    {"144.76.1.1", OWNER_HOSTING, "Hetzner"},
    {"192.99.1.1", OWNER_HOSTING, "OVH"},
    {"149.56.1.1", OWNER_HOSTING, "OVH"},
    {"167.99.1.1", OWNER_HOSTING, "DigitalOcean"},
    {"206.189.1.1", OWNER_HOSTING, "DigitalOcean"},
    {"207.148.1.1", OWNER_HOSTING, "Vultr"},
    {"37.48.80.1", OWNER_HOSTING, "Leaseweb"},
    {"46.165.220.1", OWNER_HOSTING, "Leaseweb"},
    {"212.83.140.1", OWNER_HOSTING, "Online"},
    {"188.225.20.1", OWNER_HOSTING, "Timeweb"},
    {"92.53.96.1", OWNER_HOSTING, "Timeweb"},
    {"87.236.16.1", OWNER_HOSTING, "Beget"},
    {"107.172.1.1", OWNER_HOSTING, "ColoCrossing"},
    {"74.208.1.1", OWNER_HOSTING, "IONOS"},
    {"173.249.1.1", OWNER_HOSTING, "Contabo"},
    {"89.163.140.1", OWNER_HOSTING, "myLoc"},
    {"31.31.196.1", OWNER_HOSTING, "Reg.ru"},
    {"45.79.1.1", OWNER_HOSTING, "Linode"},
    {"96.126.100.1", OWNER_HOSTING, "Linode"},
    {"199.195.250.1", OWNER_HOSTING, "FranTech"},
    {"23.95.1.1", OWNER_HOSTING, "ColoCrossing"},
    {"162.243.1.1", OWNER_HOSTING, "DigitalOcean"},
    {"185.10.68.1", OWNER_HOSTING, "FlokiNET"},
    {"94.102.49.1", OWNER_HOSTING, "IP Volume"},
    {"8.210.1.1", OWNER_HOSTING, "Alibaba Cloud"},
    {"23.40.1.1", OWNER_CDN, "Akamai"},
    {"104.70.1.1", OWNER_CDN, "Akamai"},
    {"2.16.1.1", OWNER_CDN, "Akamai"},
    {"104.17.1.1", OWNER_CDN, "Cloudflare"},
    {"172.67.1.1", OWNER_CDN, "Cloudflare"},
    {"162.158.1.1", OWNER_CDN, "Cloudflare"},
    {"151.101.1.1", OWNER_CDN, "Fastly"},
    {"199.232.1.1", OWNER_CDN, "Fastly"},
    {"93.184.216.34", OWNER_CDN, "Edgecast"},
    {"152.195.1.1", OWNER_CDN, "Edgecast"},
    {"68.142.70.1", OWNER_CDN, "Limelight"},
    {"212.102.40.1", OWNER_CDN, "CDN77"},
    {"151.139.1.1", OWNER_CDN, "StackPath"},
    {"45.60.1.1", OWNER_CDN, "Imperva"},
    {"205.234.175.175", OWNER_CDN, "CacheFly"},
    {"13.32.1.1", OWNER_CDN, "CloudFront"},
    {"99.84.1.1", OWNER_CDN, "CloudFront"},
    {"193.138.218.74", OWNER_VPN, "Mullvad"},
    {"185.213.154.1", OWNER_VPN, "Mullvad"},
    {"185.65.134.1", OWNER_VPN, "Mullvad"},
    {"159.53.1.1", OWNER_BANK, "JPMorgan"},
    {"170.148.1.1", OWNER_BANK, "JPMorgan"},
    {"192.193.10.1", OWNER_BANK, "Citigroup"},
    {"171.159.1.1", OWNER_BANK, "Bank of America"},
    {"159.45.1.1", OWNER_BANK, "Wells Fargo"},
    {"151.151.1.1", OWNER_BANK, "Wells Fargo"},
    {"141.228.1.1", OWNER_BANK, "Barclays"},
    {"160.83.1.1", OWNER_BANK, "Deutsche Bank"},
    {"139.149.1.1", OWNER_BANK, "UBS"},
    {"149.134.1.1", OWNER_BANK, "SWIFT"},
    {"194.54.14.1", OWNER_BANK, "Sberbank"},
    {"216.119.208.1", OWNER_BANK, "Mastercard"},
    {"198.80.42.1", OWNER_BANK, "Visa"},
    {"212.58.244.1", OWNER_NEWS, "BBC"},
    {"132.185.1.1", OWNER_NEWS, "BBC"},
    {"170.149.1.1", OWNER_NEWS, "New York Times"},
    {"157.166.226.1", OWNER_NEWS, "CNN"},
    {"160.43.1.1", OWNER_NEWS, "Bloomberg"},
    {"159.33.1.1", OWNER_NEWS, "CBC"},
    {"202.84.17.1", OWNER_NEWS, "Xinhua"},
    {"91.197.29.1", OWNER_NEWS, "ZDF"},
    {"142.250.1.1", OWNER_CONSUMER_SERVICE, "Google"},
    {"216.58.196.1", OWNER_CONSUMER_SERVICE, "Google"},
    {"157.240.7.1", OWNER_CONSUMER_SERVICE, "Meta"},
    {"17.253.1.1", OWNER_CONSUMER_SERVICE, "Apple"},
    {"13.107.4.1", OWNER_CONSUMER_SERVICE, "Microsoft"},
    {"204.79.197.200", OWNER_CONSUMER_SERVICE, "Microsoft"},
    {"45.57.16.1", OWNER_CONSUMER_SERVICE, "Netflix"},
    {"198.38.96.1", OWNER_CONSUMER_SERVICE, "Netflix"},
    {"104.244.42.1", OWNER_CONSUMER_SERVICE, "Twitter"},
    {"98.138.1.1", OWNER_CONSUMER_SERVICE, "Yahoo"},
    {"66.211.160.1", OWNER_CONSUMER_SERVICE, "eBay"},
    {"64.4.240.1", OWNER_CONSUMER_SERVICE, "PayPal"},
    {"108.174.10.1", OWNER_CONSUMER_SERVICE, "LinkedIn"},
    {"155.133.246.1", OWNER_CONSUMER_SERVICE, "Valve"},
    {"24.105.30.1", OWNER_CONSUMER_SERVICE, "Blizzard"},
    {"128.116.102.1", OWNER_CONSUMER_SERVICE, "Roblox"},
    {"104.160.129.1", OWNER_CONSUMER_SERVICE, "Riot"},
    {"208.80.154.1", OWNER_CONSUMER_SERVICE, "Wikimedia"},
    {"198.35.26.1", OWNER_CONSUMER_SERVICE, "Wikimedia"},
    {"77.88.55.1", OWNER_CONSUMER_SERVICE, "Yandex"},
    {"87.240.129.1", OWNER_CONSUMER_SERVICE, "VK"},
    {"125.209.222.1", OWNER_CONSUMER_SERVICE, "Naver"},
    {"147.92.130.1", OWNER_CONSUMER_SERVICE, "LINE"},
    {"162.125.1.1", OWNER_CONSUMER_SERVICE, "Dropbox"},
    {"192.0.78.1", OWNER_CONSUMER_SERVICE, "Automattic"},
    {"140.82.112.1", OWNER_CONSUMER_SERVICE, "GitHub"},
    {"149.154.167.1", OWNER_CONSUMER_SERVICE, "Telegram"},
    {"162.255.36.1", OWNER_CONSUMER_SERVICE, "Zoom"},
    {"170.72.1.1", OWNER_CONSUMER_SERVICE, "Webex"},
};
/* clang-format on */

static struct attribution *open_attribution(struct symbols *symbols)
{
    static const struct study STUDY = {0};
    struct attribution *a = NULL;
    struct error err = {0};
    if (access("/var/lib/location/database.db", R_OK) != 0 && !getenv("TELLTALE_LIBLOC"))
        skip();
    if (attribution_open(&STUDY, symbols, &a, &err) != 0)
        fail_msg("%s", err.text);
    return a;
}

static void test_addresses(void **state)
{
    (void)state;
    struct symbols *symbols = symbols_new(65535);
    struct attribution *a = open_attribution(symbols);
    enum { KINDS = 16, COUNT = sizeof ADDRESSES / sizeof *ADDRESSES };
    unsigned rows[KINDS] = {0}, right[KINDS] = {0}, all = 0;
    for (size_t i = 0; i < COUNT; i++) {
        const struct fact *why;
        struct ip ip;
        assert_true(ip_parse(ADDRESSES[i].address, strlen(ADDRESSES[i].address), &ip));
        unsigned owner = attribution_owner(a, &ip, &why), wanted = ADDRESSES[i].owner;
        rows[wanted]++;
        right[wanted] += owner == wanted;
        all += owner == wanted;
        if (owner != wanted)
            print_message("#   %s (%s): %s\n", ADDRESSES[i].address, ADDRESSES[i].holder,
                          owner_text(owner));
    }
    for (unsigned kind = 0; kind < KINDS; kind++)
        if (rows[kind])
            print_message("# %-20s %4u %4u\n", owner_text(kind), rows[kind], right[kind]);
    print_message("# owners: %u of %u right\n", all, (unsigned)COUNT);
    assert_true(COUNT >= 200);
    assert_true(all * 100 >= (unsigned)COUNT * 95);
    attribution_free(a);
    symbols_free(symbols);
}

/* --- names --- */

static struct catalogue *catalogue;
static struct owners *owners;

static int load(void **state)
{
    (void)state;
    struct error err = {0};
    if (catalogue_load(NULL, 0, &catalogue, &err) != 0)
        return -1;
    owners = owners_new(catalogue);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    owners_free(owners);
    catalogue_free(catalogue);
    return 0;
}

static unsigned kind_of(const char *host)
{
    const struct fact *f = owners_by_host(owners, host, strlen(host));
    return f ? catalogue_owner_kind(catalogue, f->subject) : OWNER_UNKNOWN;
}

static void test_institutions(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        enum owner owner;
    } HOSTS[] = {
        {"www.nrsc.gov.in", OWNER_LABORATORY},
        {"bhuvan.nrsc.gov.in", OWNER_LABORATORY},
        {"www.isro.gov.in", OWNER_LABORATORY},
        {"www.nmlindia.org", OWNER_LABORATORY},
        {"www.asti.dost.gov.ph", OWNER_LABORATORY},
        {"www.iitd.ac.in", OWNER_UNIVERSITY},
        {"mail.gov.in", OWNER_GOVERNMENT},
        {"email.nic.in", OWNER_GOVERNMENT},
        {"www.imsc.res.in", OWNER_LABORATORY},
        {"www.ernet.in", OWNER_EDUCATION},
        {"www.nkn.gov.in", OWNER_EDUCATION},
        {"www.um.edu.my", OWNER_UNIVERSITY},
        {"www.myren.net.my", OWNER_EDUCATION},
        {"www.govt.nz", OWNER_GOVERNMENT},
        {"www.reannz.co.nz", OWNER_EDUCATION},
        {"www.uonbi.ac.ke", OWNER_UNIVERSITY},
        {"www.kenet.or.ke", OWNER_EDUCATION},
        {"www.mof.gov.np", OWNER_GOVERNMENT},
        {"www.nren.net.np", OWNER_EDUCATION},
        {"www.kemlu.go.id", OWNER_GOVERNMENT},
        {"inherent-dikti.net", OWNER_EDUCATION},
        {"www.portaldogoverno.gov.mz", OWNER_GOVERNMENT},
        {"www.morenet.ac.mz", OWNER_EDUCATION},
        {"www.army.mil", OWNER_MILITARY},
        {"www.uni-goettingen.de", OWNER_UNIVERSITY},
        {"www.univ-rennes.fr", OWNER_UNIVERSITY},
        {"tools.uni-x.evil.de.example.com", OWNER_UNKNOWN},
        {"uni-.de", OWNER_UNKNOWN},
        {"www.example.com", OWNER_UNKNOWN},
        {"www.google.com", OWNER_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof HOSTS / sizeof *HOSTS; i++)
        if (kind_of(HOSTS[i].host) != HOSTS[i].owner)
            fail_msg("%s: %s", HOSTS[i].host, owner_text(kind_of(HOSTS[i].host)));
}

/* What a registry keeps under its country's domain for one sort of organisation, wherever the
 * public suffix list has it: ac.xx, edu.xx; gov.xx, gob.xx, gouv.xx, go.xx, govt.xx; mil.xx. */
static void test_suffixes_of_all_countries(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        enum owner owner;
    } LABELS[] = {{"ac", OWNER_UNIVERSITY},   {"edu", OWNER_UNIVERSITY},  {"gov", OWNER_GOVERNMENT},
                  {"gob", OWNER_GOVERNMENT},  {"gouv", OWNER_GOVERNMENT}, {"go", OWNER_GOVERNMENT},
                  {"govt", OWNER_GOVERNMENT}, {"gub", OWNER_GOVERNMENT},  {"mil", OWNER_MILITARY}};
    /* Provinces that look like them: Gorizia, and Sweden's letter of Vaesterbotten. */
    static const char *const NOT[] = {"go.it", "ac.se"};
    FILE *f = fopen("/usr/share/publicsuffix/public_suffix_list.dat", "re");
    char line[256];
    unsigned checked = 0, countries = 0;
    if (!f)
        skip();
    while (fgets(line, sizeof line, f) && !strstr(line, "END ICANN")) {
        char host[300];
        line[strcspn(line, "\r\n")] = 0;
        const char *dot = strchr(line, '.');
        if (!dot || strlen(dot) != 3)
            continue;
        bool skipped = false;
        for (size_t i = 0; i < sizeof NOT / sizeof *NOT; i++)
            skipped |= strcmp(line, NOT[i]) == 0;
        for (size_t i = 0; !skipped && i < sizeof LABELS / sizeof *LABELS; i++) {
            size_t len = strlen(LABELS[i].label);
            if ((size_t)(dot - line) != len || memcmp(line, LABELS[i].label, len) != 0)
                continue;
            snprintf(host, sizeof host, "www.some-body.%s", line);
            if (kind_of(host) != (unsigned)LABELS[i].owner)
                fail_msg("%s: %s", host, owner_text(kind_of(host)));
            checked++;
            countries += LABELS[i].owner == OWNER_GOVERNMENT;
        }
    }
    fclose(f);
    print_message("# %u suffixes of the public suffix list, %u of governments\n", checked,
                  countries);
    assert_true(checked > 300 && countries > 140);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_institutions),
        cmocka_unit_test(test_suffixes_of_all_countries),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
